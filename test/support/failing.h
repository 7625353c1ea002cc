/* SPDX-License-Identifier: MIT */
/* An allocator that fails on demand, and counts what is out. */
#ifndef LIMEF_TEST_SUPPORT_FAILING_H
#define LIMEF_TEST_SUPPORT_FAILING_H

#include <limef/base/memory.h>

/* Installs it: the n-th allocation from now on (from 1) fails, and only that; 0: none. */
void failing_install(unsigned n);

/* Whether the n-th allocation was reached. */
bool failing_failed(void);

/* How much of what was allocated since the first install was not released. */
int failing_n_out(void);

/* Back to the C library's. */
void failing_remove(void);

#endif
