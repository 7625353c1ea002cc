/* SPDX-License-Identifier: MIT */
#include "base/words.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *words_keep(const char *format, ...)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static char kept[WORDS_MAX][WORDS_BYTES];
    const char *found = "for a reason that the log has";
    char words[WORDS_BYTES];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(words, sizeof(words), format, arguments);
    va_end(arguments);
    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < WORDS_MAX; i++) {
        if (!kept[i][0])
            memcpy(kept[i], words, sizeof(words));
        if (!strcmp(kept[i], words)) {
            found = kept[i];
            break;
        }
    }
    pthread_mutex_unlock(&lock);
    return found;
}
