/* SPDX-License-Identifier: MIT */
#ifndef LIMEF_TEST_FUZZ_FILE_TO_FRAME_H
#define LIMEF_TEST_FUZZ_FILE_TO_FRAME_H

#include <stddef.h>
#include <stdint.h>

/* What libFuzzer calls. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

/* How many pictures and blocks of samples were decoded so far. */
uint64_t file_to_frame_n_decoded(void);

#endif
