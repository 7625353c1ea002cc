/* SPDX-License-Identifier: MIT */
/* A display of the tests' VA-API driver, on a machine without a DRM node. */
#ifndef LIMEF_TEST_VA_TESTS_DISPLAY_H
#define LIMEF_TEST_VA_TESTS_DISPLAY_H

#include <va/va.h>

#define DISPLAY_PATH_BYTES 256

/* The path of a temporary file of this process. */
void display_path(char path[DISPLAY_PATH_BYTES], const char *name);

/* Sets the environment so that libva finds the driver, and reports go to a file of this process.
 * Surfaces are memfds, if the environment says nothing else. */
void display_prepare(void);

/* After display_prepare(). @return how vaInitialize() ended */
VAStatus display_try(VADisplay *display);

/* As display_try(); ends the program if that fails. */
VADisplay display_open(void);

/* @return the driver's report of the display that was closed last: "configs=0/1 surfaces=...", or
 * nothing; valid until the next */
const char *display_report(void);

/* @return as display_report() */
const char *display_close(VADisplay display);

#endif
