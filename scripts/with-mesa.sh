#!/bin/sh
# SPDX-License-Identifier: MIT
#
# with-mesa.sh FOLDER COMMAND [ARGUMENT...]
#
# Runs a command with the Mesa that get-mesa.sh put into FOLDER. Exit status 77: there is none.
set -eu

folder=$1
shift
if [ ! -s "$folder/environment" ]; then
    echo "with-mesa.sh: skipped: no Mesa in $folder (scripts/get-mesa.sh)" >&2
    exit 77
fi
set -a
# shellcheck source=/dev/null
. "$folder/environment"
set +a
exec "$@"
