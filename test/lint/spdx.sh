#!/bin/sh
# SPDX-License-Identifier: MIT
#
# spdx.sh SOURCE_DIR: each file says its licence in one of its first three lines.
set -eu
cd "$1"
. test/lint/files.sh

missing=$(files | while read -r file; do
    case $file in
    LICENSE | *.png | test/fuzz/*_corpus/*) continue ;;
    test/vm/vkms-*.patch) licence=GPL-2.0-or-later ;; # of the kernel's driver that it changes
    test/vm/udmabuf-*.patch) licence=GPL-2.0-only ;;           # likewise
    *) licence=MIT ;;
    esac
    [ ! -f "$file" ] || head -n 3 "$file" | grep -q "SPDX-License-Identifier: $licence" || echo "$file"
done)
if [ -n "$missing" ]; then
    echo "no SPDX-License-Identifier in the first lines of:"
    echo "$missing"
    exit 1
fi
