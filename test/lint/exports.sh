#!/bin/sh
# SPDX-License-Identifier: MIT
#
# exports.sh NM LIBRARY: the shared library exports limef_ functions and nothing else.
set -eu
symbols=$("$1" -D --defined-only --format=posix "$2" | cut -d ' ' -f 1)
foreign=$(echo "$symbols" | grep -v '^limef_' || true)
if [ -n "$foreign" ]; then
    printf 'exported without the prefix limef_:\n%s\n' "$foreign"
    exit 1
fi
printf "%s functions and objects exported\n" "$(echo "$symbols" | wc -l)"
