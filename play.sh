#!/bin/sh
# SPDX-License-Identifier: MIT
#
# play.sh [OPTIONS] [URL...]
#
# Installs what is missing, builds limef, and plays. Without a URL it plays a clip that it makes
# itself. What starts with -- is handed to limef-play (see limef-play --help).
set -eu

root=$(cd "$(dirname "$0")" && pwd)
build=$root/build/release
demo=$root/build/demo.mp4

# A display server that the environment names, and whose socket is there.
has_display()
{
    case ${WAYLAND_DISPLAY:-} in
    '') ;;
    /*) [ ! -S "$WAYLAND_DISPLAY" ] || return 0 ;;
    *) [ ! -S "${XDG_RUNTIME_DIR:-/nowhere}/$WAYLAND_DISPLAY" ] || return 0 ;;
    esac
    case ${DISPLAY:-} in
    '') return 1 ;;
    :*)
        number=${DISPLAY#:}
        [ -S "/tmp/.X11-unix/X${number%%.*}" ]
        ;;
    *) return 0 ;;
    esac
}

"$root/scripts/install-deps.sh" build >&2

mkdir -p "$root/build"
log=$root/build/play.log
echo "building limef (log: $log)" >&2
if ! (cd "$root" && cmake --preset release -DLIMEF_BUILD_TESTS=OFF -DLIMEF_BUILD_APPS=ON) \
    >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
if ! cmake --build "$build" >>"$log" 2>&1; then
    tail -n 40 "$log" >&2
    exit 1
fi

# Whether an option has its value in the next word, if not behind a =.
takes_value()
{
    "$build/apps/limef-play" --help | grep -q -e " $1[a-z-]*="
}

has_url= has_output= option=
for argument in "$@"; do
    [ -z "$option" ] || argument=$option=$argument
    option=
    case $argument in
    --) has_url=1 && break ;;
    --help | --version) has_url=1 has_output=1 ;;
    --snapshot=* | --vo=none) has_output=1 ;;
    --*=*) ;;
    --*) ! takes_value "$argument" || option=$argument ;;
    *) has_url=1 ;;
    esac
done

if [ -z "$has_url" ]; then
    if [ ! -f "$demo" ]; then
        echo "making a demo clip: $demo" >&2
        "$build/apps/limef-demo-clip" "$demo.part.mp4" >&2
        mv "$demo.part.mp4" "$demo"
    fi
    set -- "$@" "$demo"
fi

if [ -n "$has_output" ]; then
    exec "$build/apps/limef-play" "$@"
fi

# A socket may be there and nobody behind it: then limef-play goes offscreen, and leaves its picture
# too, only not in the folder of somebody who has a window.
snapshot=$PWD/limef-play.png
! has_display || snapshot=$root/build/limef-play.png
begun=$build/play.begun
: >"$begun"
exec 3<&0 # what goes to the background would read nothing
"$build/apps/limef-play" --snapshot="$snapshot" "$@" <&3 3<&- &
player=$!
exec 3<&-
# What it leaves is still to be named. A terminal's ^C reaches it by itself.
trap : INT
trap 'kill -TERM "$player"' TERM
status=0
wait "$player" || status=$?
while kill -0 "$player" 2>/dev/null; do # it was the waiting that a signal ended
    status=0
    wait "$player" || status=$?
done
if [ -n "$(find "$snapshot" -newer "$begun" 2>/dev/null)" ]; then
    echo "the last picture is in $snapshot" >&2
fi
exit $status
