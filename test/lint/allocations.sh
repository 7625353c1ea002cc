#!/bin/sh
# SPDX-License-Identifier: MIT
#
# allocations.sh SOURCE_DIR: what the library's libraries allocate on its behalf is asked for with
# memory_permits() or memory_permits_reference(), in the same statement or just before, so that it
# can be made to fail. Modules do not link the library: who calls them asks.
set -eu
cd "$1"
modules='src/audio/device_alsa.c|src/filter/stretch_avfilter.c|src/filter/shout_libshout.c|src/filter/shout_opening.c|src/filter/shout_socket.c'
found=$(find src -name '*.c' | grep -vxE "$modules|src/base/memory.c" | sort | xargs awk '
    FNR == 1 { asked = -9 }
    /memory_permits(_reference)?\(/ { asked = FNR }
    /(^|[^a-z_.>])(malloc|calloc|realloc|strdup|aligned_alloc|posix_memalign|av_(malloc|mallocz|calloc|strdup|memdup|buffer_create|buffer_alloc|buffer_ref|packet_alloc|packet_ref|packet_clone|frame_alloc|frame_ref|frame_clone|frame_get_buffer)|avcodec_(alloc_context3|parameters_alloc))\(/ &&
        !/^ *(\/?\*|static|extern)/ && FNR - asked > 3 { print FILENAME ":" FNR ":" $0 }')
if [ -n "$found" ]; then
    printf 'allocated without memory_permits():\n%s\n' "$found"
    exit 1
fi
