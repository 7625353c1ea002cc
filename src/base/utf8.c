/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"

#include <stdint.h>

int utf8_bytes(const unsigned char *text)
{
    uint32_t code = *text;
    int n = code < 0x80 ? 1 : code >= 0xc2 && code < 0xe0 ? 2 : code >= 0xe0 && code < 0xf0 ? 3 : 4;

    if (code >= 0x80 && (code < 0xc2 || code > 0xf4))
        return 0;
    for (int i = 1; i < n; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        code =
            i == 1 ? (code & (0x7fu >> n)) << 6 | (text[i] & 0x3f) : code << 6 | (text[i] & 0x3f);
    }
    if (n == 3 && (code < 0x800 || (code >= 0xd800 && code < 0xe000)))
        return 0;
    return n == 4 && (code < 0x10000 || code > 0x10ffff) ? 0 : n;
}
