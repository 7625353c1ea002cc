/* SPDX-License-Identifier: MIT */
#ifndef LIMEF_SRC_BASE_JSON_H
#define LIMEF_SRC_BASE_JSON_H

#include <stdio.h>

/* A JSON string (RFC 8259), quotes and all; what is no UTF-8 becomes U+FFFD. */
void json_print_string(FILE *file, const char *text);

#endif
