#!/bin/sh
# SPDX-License-Identifier: MIT
#
# with-mesa.sh FOLDER COMMAND [ARGUMENT...]
#
# Runs a command with the Mesa that get-mesa.sh put into FOLDER; if there is none, with the
# system's own, in software as well, which says so. The former imports dma-bufs, so that
# LIMEF_TEST_MUST_IMPORT has tests fail where it does not; with the latter they skip that.
set -eu

folder=$1
shift
set -a
if [ -s "$folder/environment" ]; then
    # shellcheck source=/dev/null
    . "$folder/environment"
    LIMEF_TEST_MUST_IMPORT=1
else
    echo "with-mesa.sh: no Mesa in $folder (scripts/get-mesa.sh): with the system's own" >&2
    LIBGL_ALWAYS_SOFTWARE=1
fi
set +a
exec "$@"
