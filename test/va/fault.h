/* SPDX-License-Identifier: MIT */
/*
 * Errors on command. LIMEF_TEST_VA_FAIL holds commands, separated by commas:
 *
 *     CALL=N[+][:CODE][@MS]
 *
 * The N-th call (from 1, in this process) of CALL, a function's name or "*" for
 * any function but vaTerminate, fails with CODE, VA_STATUS_ERROR_OPERATION_FAILED if it is not
 * given; N+: that one and all after it. @MS: it takes so many milliseconds
 * longer, and fails only if there is a CODE.
 *
 * LIMEF_TEST_VA_FAIL_FILE names a file with commands for a process that runs:
 * they hold from when the file changes, and calls are counted from then.
 *
 * LIMEF_TEST_VA_FAILED names a file that is made when a call has failed by such a command.
 */
#ifndef LIMEF_TEST_VA_FAULT_H
#define LIMEF_TEST_VA_FAULT_H

#include "calls.h"

#include <stdbool.h>

/* Reads LIMEF_TEST_VA_FAIL if it is another than before, and counts from then.
 * @return whether it could be read */
bool fault_init(void);

/* Counts a call, waits if that was commanded. @return how the call fails; VA_STATUS_SUCCESS: not */
VAStatus fault(enum call call);

/* The first statement of each function of the table. */
#define CALLED(name)                                                                               \
    do {                                                                                           \
        VAStatus commanded = fault(CALL_##name);                                                   \
        if (commanded != VA_STATUS_SUCCESS)                                                        \
            return commanded;                                                                      \
    } while (0)

#endif
