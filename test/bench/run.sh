#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds a release and measures it beside its peers. Options: run.sh --help
set -eu
cd "$(dirname "$0")/../.."
build=build/release
mkdir -p build
cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS_RELEASE="-O2 -g -DNDEBUG" \
    -DCMAKE_CXX_FLAGS_RELEASE="-O2 -g -DNDEBUG" -DLIMEF_BUILD_BENCH=ON -DLIMEF_BUILD_TESTS=OFF >"$build.log" 2>&1 ||
    { cat "$build.log" >&2; exit 1; }
cmake --build "$build" --parallel >"$build.log" 2>&1 || { cat "$build.log" >&2; exit 1; }
exec python3 test/bench/bench.py --build="$build" "$@"
