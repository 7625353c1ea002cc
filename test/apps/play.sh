#!/bin/sh
# SPDX-License-Identifier: MIT
#
# play.sh SOURCE_DIR LIMEF_PLAY
#
# Which arguments play.sh hands on: of a tree in which nothing is built, and limef-play says what it
# was given.
set -eu

source=$1 limef_play=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset DISPLAY WAYLAND_DISPLAY
mkdir -p "$work/scripts" "$work/bin" "$work/build/release/apps"
cp "$source/play.sh" "$work"
cd "$work"

program()
{
    cat >"$1"
    chmod +x "$1"
}

program scripts/install-deps.sh <<'END'
#!/bin/sh
END
program bin/cmake <<'END'
#!/bin/sh
END
program build/release/apps/limef-demo-clip <<'END'
#!/bin/sh
: >"$1"
END
program build/release/apps/limef-play <<END
#!/bin/sh
if [ "\$2" = listen ]; then
    exec cat
fi
if [ "\$2" = forever ]; then
    trap 'echo ended >ended; exit 4' TERM
    echo >running
    while :; do sleep 0.1; done
fi
[ "\$*" != --help ] || exec "$limef_play" --help
echo "\$*" | sed 's,$work/,,g'
END
PATH=$work/bin:$PATH
failed=0

# gives EXPECTED [ARGUMENT...]
gives()
{
    expected=$1
    shift
    given=$(./play.sh "$@" 2>errors) || given="status $?"
    [ "$given" != "$expected" ] || return 0
    failed=1
    printf 'play.sh %s\n  gives: %s\n  not:   %s\n' "$*" "$given" "$expected"
    cat errors
}

picture=--snapshot=limef-play.png
demo=build/demo.mp4
gives "$picture $demo"
gives "$picture a.mp4" a.mp4
gives "$picture --frames=50 $demo" --frames=50
gives "$picture --frames 50 $demo" --frames 50
gives "$picture --frames 50 a.mp4" --frames 50 a.mp4
gives "$picture --untimed --loop $demo" --untimed --loop
gives "$picture --loop a.mp4" --loop a.mp4
gives "$picture --fullscreen --ao none $demo" --fullscreen --ao none
gives "--vo none $demo" --vo none
gives "--vo=none a.mp4" --vo=none a.mp4
gives "$picture --vo offscreen $demo" --vo offscreen
gives "--snapshot a.png $demo" --snapshot a.png
gives "$picture --frames 50 -- --a.mp4" --frames 50 -- --a.mp4
gives "$picture -" -
gives "--version" --version

# what lay there is nobody's to take away
echo mine >limef-play.png
gives "$picture a.mp4" a.mp4
[ "$(cat limef-play.png)" = mine ] || { failed=1 && echo "play.sh took a picture away"; }

# it gets what is typed, and URLs
echo "a line" >typed
read_back=$(./play.sh listen 2>errors <typed) || read_back="status $?"
[ "$read_back" = "a line" ] || { failed=1 && echo "play.sh hands on: $read_back"; }

# a signal that only the script gets ends the player
./play.sh forever 2>errors &
script=$!
while [ ! -e running ]; do sleep 0.1; done
kill -TERM "$script"
status=0
wait "$script" || status=$?
[ "$status $(cat ended)" = "4 ended" ] || { failed=1 && echo "play.sh by SIGTERM: $status"; }
exit $failed
