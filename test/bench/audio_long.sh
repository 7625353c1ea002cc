#!/bin/sh
# SPDX-License-Identifier: MIT
# Sound under load, for long: test/bench/audio_long.sh [SECONDS [LOAD]]
#
# Ten minutes with LOAD (80) percent of every processor in use, through the mixer: with 20 ms of patience
# of its output, and with none. For a minute each, without that load and through a list behind a mutex.
# Real-time priority where it is permitted: as root, or with an rtprio of 20 or more in limits.conf.
# Builds the preset "bench" first.
set -e
cd "$(dirname "$0")/../.."
cmake --preset bench >/dev/null
cmake --build --preset bench --target bench_audio_drift >/dev/null
run() {
    printf '%-22s' "$*"
    build/bench/bench/bench_audio_drift "$@"
}
run simulated
run mixer 60
run deque 60
run deque 60 "${2:-80}"
run mixer "${1:-600}" "${2:-80}" 20
run mixer "${1:-600}" "${2:-80}"
