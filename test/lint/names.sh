#!/bin/sh
# SPDX-License-Identifier: MIT
#
# names.sh SOURCE_DIR: what the documents call by name exists: functions, types and constants of the
# library, options of its build, and the files that are linked to.
set -eu
cd "$1"
failed=0

# words of the sources that begin so, and the options of the build
known=$(mktemp)
trap 'rm -f "$known"' EXIT
{
    grep -rohE --include='*.h' --include='*.hpp' --include='*.c' --include='*.cpp' \
        --include='*.py' --include='*.txt' --include='*.cmake' -e '\<(limef|LIMEF)_[a-zA-Z0-9_]*' \
        include src apps test CMakeLists.txt
    sed -n 's/^ *limef_optional(\([A-Z]*\) .*/LIMEF_\1/p' CMakeLists.txt
} | sort -u >"$known"

for name in $(grep -ohE '\<(limef|LIMEF)_[a-zA-Z0-9_]*[a-zA-Z0-9]\>' README.md doc/*.md doc/filter/*.md |
    sort -u | comm -23 - "$known"); do
    echo "$name is in no source"
    failed=1
done

for document in README.md doc/*.md doc/filter/*.md; do
    for link in $(grep -oE '\]\([^)#:]+' "$document" | cut -c 3-); do
        [ -e "$(dirname "$document")/$link" ] || {
            echo "$document: no $link"
            failed=1
        }
    done
done
exit $failed
