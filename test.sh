#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test.sh [--quick|--all]
#
# Installs what is missing, then builds limef and runs its tests:
#   dev       gcc, AddressSanitizer, UndefinedBehaviorSanitizer: all tests but those of vm and long ones
#   tsan      ThreadSanitizer: the stress programs
#   release   as it is installed: whole runs, the installed tree, symbols, headers, documentation;
#             displays in a virtual machine, skipped where there can be none
#   minimal   all optional parts off
#   fuzz      the library built with clang, without a warning; each fuzzer for some seconds
#   clang     looks at the apps and the tests, too: no warning
# Each is built while the tests of those before it run; then the release's simulated graphs are judged in the
# same way, which only calculates. --quick stops after dev. In release and minimal only whole runs that take
# seconds are made again, and of the tests of functions those are run to which that makes a difference; with
# --all all of them. The last line counts the tests: N passed, N failed, N skipped.
set -eu

cd "$(dirname "$0")"
quick= unit_in_minimal=OFF
# all that they say
said="--test-output-size-passed 4000000 --test-output-size-failed 4000000"
again='^(apps_(demo_clip|tutorial)|fault_.*|va_.*|thread_graph_cores|e2e_(cable|clips|each_picture|embed|hardware.*|icecast|media_seek|peers|play_clips|rtsp|sound.*|terminal|vlc|window|window_sound|zero_copy))$'
again_in_release="$again|^e2e_play\$"
again_in_minimal="$again|^(camera_.*|e2e_export)\$"
case ${1:-} in
'') ;;
--quick) quick=1 ;;
--all) unit_in_minimal=ON again_in_release='^$' again_in_minimal='^$' ;;
*)
    echo "usage: $0 [--quick|--all]" >&2
    exit 1
    ;;
esac

passed=0 failed=0 skipped=0
begun=$(date +%s)

# say WORDS: a headline, and when
say()
{
    echo "== $* ($(($(date +%s) - begun)) s)"
}

finish()
{
    if [ $((passed + failed)) = 0 ]; then
        echo "no test ran"
        failed=1
    fi
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" = 0 ] || exit 1
    exit 0
}

if ! scripts/install-deps.sh test; then
    failed=1
    finish
fi

# Some hundred programs are linked: the fast linker saves minutes.
if command -v ld.lld >/dev/null; then
    LDFLAGS="-fuse-ld=lld ${LDFLAGS:-}"
    export LDFLAGS
fi

# Many a test waits for the clock of what it plays.
jobs=$(($(nproc) + 1))

# Sanitizers of this age want an address space with less randomness than some kernels give.
fixed=
if setarch "$(uname -m)" -R true 2>/dev/null; then
    fixed="setarch $(uname -m) -R"
fi

# build PRESET [CMAKE-OPTION...]: prints how that ended
build()
{
    preset=$1
    shift
    mkdir -p "build/$preset"
    log=build/$preset/build.log
    $meanwhile cmake --preset "$preset" "$@" >"$log" 2>&1 &&
        $meanwhile cmake --build --preset "$preset" >>"$log" 2>&1 && echo built || echo failed
}

# All of them, one after the other. While the tests of one run the next are built, with the time of the
# processors that those leave: many a test waits for the clock of what it plays.
build_all()
{
    meanwhile=
    build dev
    [ -z "$quick" ] || return 0
    meanwhile="nice -n 15"
    build tsan -DLIMEF_BUILD_APPS=OFF
    build release -DLIMEF_BUILD_TESTS=ON -DLIMEF_BUILD_UNIT_TESTS=OFF -DLIMEF_BUILD_APPS=ON
    build minimal -DLIMEF_BUILD_UNIT_TESTS="$unit_in_minimal"
    build fuzz -DLIMEF_FUZZ_SECONDS=10
    look_with_clang
    test_meanwhile release/test/sim
}

# At the apps and the tests: the library is built with it for the fuzzers. Prints how that ended.
look_with_clang()
{
    mkdir -p build/release-clang
    log=build/release-clang/build.log
    $meanwhile cmake --preset release-clang -DCMAKE_EXPORT_COMPILE_COMMANDS=ON >"$log" 2>&1 &&
        $meanwhile scripts/check-syntax.py build/release-clang apps test >>"$log" 2>&1 && echo built || echo failed
}

# test_meanwhile FOLDER: its tests, which need no clock, behind all that is built; `tested` counts them
test_meanwhile()
{
    rm -f "build/$1/results.xml"
    status=0
    # shellcheck disable=SC2086
    $meanwhile $fixed ctest --test-dir "build/$1" --no-tests=error --output-on-failure -j "$(nproc)" \
        --output-junit "$PWD/build/$1/results.xml" $said >"build/$1/tests.log" 2>&1 </dev/null || status=$?
    echo "$status"
}

# built PRESET: waits for it, the next that build_all builds
built()
{
    say "$1: building"
    if read -r how <&3 && [ "$how" = built ]; then
        return 0
    fi
    tail -n 60 "build/$1/build.log"
    say "$1: does not build"
    failed=$((failed + 1))
    return 1
}

# run PRESET [CTEST-OPTION...]: runs the tests of a built preset
run()
{
    say "$1: testing"
    results=$PWD/build/$1/results.xml
    rm -f "$results"
    status=0
    # shellcheck disable=SC2086 # words are meant
    $fixed ctest --preset "$@" -j "$jobs" --output-junit "$results" $said 3<&- || status=$?
    count "$1" "$results" "$status"
}

# tested FOLDER: waits for the next tests of test_meanwhile, shows and counts them
tested()
{
    say "$1: testing, meanwhile"
    read -r status <&3 || status=1
    cat "build/$1/tests.log" || status=1
    count "$1" "build/$1/results.xml" "$status"
}

# count NAME RESULTS STATUS: adds up what the tests counted; ctest left with that status
count()
{
    name=$1 status=$3
    counts=$(awk -f scripts/count-tests.awk "$2" 2>/dev/null) || counts="0 1 0"
    # shellcheck disable=SC2086
    set -- $counts
    if [ "$status" != 0 ] && [ "$2" = 0 ]; then
        set -- "$1" 1 "$3"
    fi
    say "$name: $1 passed, $2 failed, $3 skipped"
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}

mkdir -p build
if [ -z "$quick" ]; then # mostly downloads
    test/vm/setup.sh build/vm >build/vm.log 2>&1 &
    vm=$!
fi
rm -f build/built
mkfifo build/built
build_all >build/built &
exec 3<build/built

if built dev; then
    run dev -LE 'vm|long'
fi
[ -z "$quick" ] || finish

if built tsan; then
    run tsan
fi
if built release; then
    if ! wait "$vm"; then
        tail -n 20 build/vm.log
        say "vm: no virtual machine: its tests are skipped"
    fi
    run release -L 'install|lint|doc|e2e|everywhere|^vm$' -E "$again_in_release|^sim_"
fi
if built minimal; then
    run minimal -L 'unit|e2e' -E "$again_in_minimal"
fi
if built fuzz; then
    run fuzz
fi
built release-clang || true
tested release/test/sim
finish
