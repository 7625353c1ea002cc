#!/bin/sh
# SPDX-License-Identifier: MIT
#
# spdx.sh SOURCE_DIR: each file says its licence in one of its first three lines.
set -eu
cd "$1"
. test/lint/files.sh

# without LICENCE: which of the files that are named on the input do not say it
without()
{
    xargs head -v -n 3 | awk -v licence="SPDX-License-Identifier: $1" '
        /^==> .* <==$/ { if (file && !said) print file; file = $2; said = 0 }
        index($0, licence) { said = 1 }
        END { if (file && !said) print file }'
}

missing=$(
    files | grep -vE '^LICENSE$|\.png$|^test/fuzz/[a-z_]*_corpus/|^test/vm/(vkms|udmabuf|dma-heaps)-.*\.patch$' | without MIT
    # of the kernel's drivers that they change
    files | grep '^test/vm/vkms-.*\.patch$' | without GPL-2.0-or-later
    files | grep -E '^test/vm/(udmabuf|dma-heaps)-.*\.patch$' | without GPL-2.0-only
)
if [ -n "$missing" ]; then
    echo "no SPDX-License-Identifier in the first lines of:"
    echo "$missing"
    exit 1
fi
