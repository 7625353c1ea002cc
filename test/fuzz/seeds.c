/* SPDX-License-Identifier: MIT */
/* seeds FOLDER: each file that file_to_frame begins with gets as far as decoded frames. */
#include "file_to_frame.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_BYTES 65536

static int try_file(const char *folder, const char *name)
{
    static uint8_t bytes[MAX_BYTES];
    uint64_t before = file_to_frame_n_decoded();
    char path[1024];
    size_t size_bytes;
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "rb");
    if (!file)
        return 1;
    size_bytes = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    LLVMFuzzerTestOneInput(bytes, size_bytes);
    printf("%s: %llu frames decoded\n", name,
           (unsigned long long)(file_to_frame_n_decoded() - before));
    return file_to_frame_n_decoded() == before;
}

int main(int argc, char **argv)
{
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    const struct dirent *entry;
    int n_files = 0, n_bad = 0;

    LLVMFuzzerInitialize(&argc, &argv);
    while (folder && (entry = readdir(folder)))
        if (entry->d_name[0] != '.') {
            n_files++;
            n_bad += try_file(argv[1], entry->d_name);
        }
    if (folder)
        closedir(folder);
    return n_files < 8 || n_bad > 0;
}
