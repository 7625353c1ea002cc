/* SPDX-License-Identifier: MIT */
/* A static library leaves linking libavcodec to its program, which then has it from the start. */
#include "base/libavcodec.h"

void libavcodec_prepare(void)
{
}

void libavcodec_settle(void)
{
}
