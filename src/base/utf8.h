/* SPDX-License-Identifier: MIT */
#ifndef LIMEF_SRC_BASE_UTF8_H
#define LIMEF_SRC_BASE_UTF8_H

/* Bytes of the UTF-8 character at text (RFC 3629), which is terminated; 0: it is none. */
int utf8_bytes(const unsigned char *text);

#endif
