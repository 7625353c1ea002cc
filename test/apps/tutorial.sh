#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tutorial.sh TUTORIAL_DIR DEMO_CLIP 1|0
#
# Runs the programs of the tutorial on a clip, and looks at what they say and leave behind. 1: this
# build renders.
set -eu

programs=$1 demo_clip=$2 renders=$3
sources=$(cd "$(dirname "$0")/../../apps/tutorial" && pwd)
unset DISPLAY WAYLAND_DISPLAY
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failed=0

"$demo_clip" clip.mp4
clip=clip.mp4
# those that play in time need not play all of it
ffmpeg -nostdin -v error -i clip.mp4 -t 1 -c copy short.mp4 || cp clip.mp4 short.mp4

# run PROGRAM STATUS [ARGUMENT...]: its output goes to the file output
run()
{
    program=$1 expected=$2
    shift 2
    status=0
    timeout 60 "$programs/$program" "$@" >output 2>errors || status=$?
    [ "$status" = "$expected" ] || fail "$program $*: status $status instead of $expected"
}

# says LINE: the output has a line that matches the whole pattern
says()
{
    grep -qxE "$1" output || fail "$program does not say: $1"
}

fail()
{
    failed=1
    echo "$1"
    sed 's/^/    /' output errors
}

run 1_first_chain 0 $clip
says '250 pictures of 1280 x 720'

run 2_two_threads 0 $clip
says '250 pictures'
# START, a codec, 250 packets, END
says '253 frames written, 253 read, 0 bytes copied'
says 'at most [1-6] of 6 packets waited; the reader waited for room [0-9]+ times'

# the test picture flashes at each full second
run 3_own_filter 0 $clip
says '250 pictures; most changed at [1-9]\.000 s, by [1-9][0-9.]*'

# as the tutorial says
n_lines=$(sed -n '/^struct motion_filter {/,/\.kind = "motion"/p' "$sources/3_own_filter.c" | grep -c .)
[ "$n_lines" = 34 ] || fail "a filter of one's own takes $n_lines lines"

run 5_snapshot 0 $clip 'snapshot-%t.jpg'
says '[0-9]+ pictures, ([3-9]|[1-9][0-9]+) snapshots'
n_written=$(sed 's/.* \([0-9]*\) snapshots/\1/' output)
for file in snapshot-*.jpg; do
    [ "$(od -An -tx1 -N3 "$file" | tr -d ' ')" = ffd8ff ] || fail "$file is no JPEG file"
done
[ "$(find . -name 'snapshot-*.jpg' | wc -l)" = "$n_written" ] || fail "5_snapshot left other files"

run 6_signals 0 $clip
says 'first picture at 5\.000 s'
says 'end of file after [0-9.]+ s'

run 7_graph 0 $clip
says '250 large pictures, 250 small ones of 230400 pixels'
says 'plan auto: 6 filters in .*'

run 0_play 1
[ "$(wc -l <errors)" = 1 ] && grep -q 'no URL' errors || fail "0_play does not say what it wants"

if [ "$renders" = 1 ]; then
    began_s=$(date +%s)
    run 0_play 0 clip.mp4
    [ $(($(date +%s) - began_s)) -ge 9 ] || fail "0_play plays 10 s in less"
    run 0_play 1 missing.mp4
    run 4_window 0 wall.png short.mp4 missing.mp4 short.mp4
    says 'stream 0: end of file'
    says 'stream 1: No such file or directory'
    says 'stream 2: end of file'
    [ "$(od -An -tx1 -N4 wall.png | tr -d ' ')" = 89504e47 ] || fail "4_window left no PNG file"
else
    run 0_play 1 short.mp4
    run 4_window 1 wall.png short.mp4
fi

for program in 1_first_chain 2_two_threads 3_own_filter 5_snapshot 6_signals 7_graph; do
    run $program 1 missing.mp4
    [ "$(wc -l <errors)" = 1 ] || fail "$program says a failure not once"
done
exit $failed
