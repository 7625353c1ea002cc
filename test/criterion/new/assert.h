/* SPDX-License-Identifier: MIT */
/*
 * Criterion's own header, and fewer passes of its macros: it expands each assertion 85 times over,
 * two fifths of the time that a test takes to be compiled. What tests write here is done after
 * twenty; if something ever needed more, it would not compile.
 */
#ifndef LIMEF_TEST_CRITERION_NEW_ASSERT_H
#define LIMEF_TEST_CRITERION_NEW_ASSERT_H

#include_next <criterion/new/assert.h>

#ifdef CR_EVAL2
#undef CR_EVAL
#define CR_EVAL(...) CR_EVAL1(CR_EVAL2(__VA_ARGS__))
#endif

#endif
