#!/bin/sh
# SPDX-License-Identifier: MIT
#
# style.sh SOURCE_DIR: no #if in filters and apps, no file past 500 lines, no work left behind.
set -eu
cd "$1"
. test/lint/files.sh
failed=0

found=$(files | grep -E '^(src/filter|apps)/.*\.c$' |
    xargs grep -nE '^[[:space:]]*#[[:space:]]*(if|ifdef|ifndef|elif)\>' || true)
if [ -n "$found" ]; then
    printf '#if in a filter or an app; choose the file in CMakeLists.txt instead:\n%s\n' "$found"
    failed=1
fi

found=$(files | grep -E '\.(c|h|cpp|sh)$' | xargs wc -l | awk '$1 > 500 && $2 != "total"')
if [ -n "$found" ]; then
    printf 'longer than 500 lines:\n%s\n' "$found"
    failed=1
fi

found=$(files | grep -E '\.(c|h|cpp|txt|cmake|md)$' |
    xargs grep -nE '\<(TO''DO|FIX''ME|XX''X)\>' || true)
if [ -n "$found" ]; then
    printf 'left for later:\n%s\n' "$found"
    failed=1
fi
exit $failed
