#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds a release and measures it beside its peers. Options: run.sh --help
set -eu
cd "$(dirname "$0")/../.."
mkdir -p build
log=build/bench.log
{ cmake --preset bench && cmake --build --preset bench &&
    cmake --preset bench-without-probes &&
    cmake --build --preset bench-without-probes --target bench_probe; } \
    >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
exec python3 -B test/bench/bench.py "$@"
