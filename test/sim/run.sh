#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh [--only=table|oracle] [SEEDS [FIRST_SEED]]: builds a release, prints the table of naive
# mappings beside the plan, and holds the plan against all cuts of SEEDS random graphs (1000), of plain
# filters and of real types.
set -eu
cd "$(dirname "$0")/../.."
only=all
case "${1-}" in
--only=*) only=${1#--only=}; shift ;;
esac
mkdir -p build
log=build/sim.log
{ cmake --preset release &&
    cmake --build --preset release --target test_sim_table test_sim_oracle sim_predict; } \
    >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
[ "$only" = oracle ] || build/release/test/sim/test_sim_table
[ "$only" = table ] || build/release/test/sim/test_sim_oracle "${1-1000}" "${2-1}"
[ "$only" = table ] || build/release/test/sim/test_sim_oracle types "${1-1000}" "${2-1}"
