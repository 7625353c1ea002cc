#!/bin/sh
# SPDX-License-Identifier: MIT
#
# imports.sh NM LIBRARY: the library calls nothing that ends the process, changes how it takes
# signals, starts another one, or writes to standard output.
set -eu
never='exit|_exit|_Exit|quick_exit|abort|atexit|raise|kill|signal|sigaction|bsd_signal|sysv_signal'
never="$never|sigset|system|popen|fork|vfork|execv|execvp|execl|execlp|setlocale|chdir"
never="$never|stdout|puts|putchar|printf|vprintf|__printf_chk|__vprintf_chk"
found=$("$1" -D --undefined-only --format=posix "$2" | sed 's/[@ ].*//' | grep -xE "$never" || true)
if [ -n "$found" ]; then
    printf 'a library must not use:\n%s\n' "$found"
    exit 1
fi
