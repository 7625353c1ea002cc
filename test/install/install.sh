#!/bin/sh
# SPDX-License-Identifier: MIT
#
# install.sh shared|static SOURCE_DIR BINARY_DIR CC [CXX]
#
# Installs limef, moves the installed tree, and builds and runs a C and a C++ program against it:
# once with pkg-config, once with find_package. shared installs BINARY_DIR as it is; static builds
# the library once more, for a multiarch libdir, and not optimised: it is where things are that counts.
set -eu

kind=$1 source=$2 binary=$3 cc=$4 cxx=${5:-}
here=$source/test/install/consumer
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset DESTDIR PKG_CONFIG_PATH

if [ "$kind" = static ]; then
    cmake -S "$source" -B "$work/build" -DCMAKE_BUILD_TYPE= -DCMAKE_C_COMPILER="$cc" \
        -DBUILD_SHARED_LIBS=OFF -DLIMEF_BUILD_TESTS=OFF -DLIMEF_BUILD_APPS=OFF \
        -DCMAKE_INSTALL_LIBDIR="lib/$(uname -m)-linux-gnu" >"$work/log" 2>&1 &&
        cmake --build "$work/build" >>"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
    binary=$work/build
fi
cmake --install "$binary" --prefix "$work/first" >"$work/log" || { cat "$work/log"; exit 1; }
mkdir "$work/elsewhere"
mv "$work/first" "$work/elsewhere/moved"
prefix=$work/elsewhere/moved

if grep -r "$work/first\|$source" "$prefix/include" "$(find "$prefix" -name cmake -type d)" \
    "$(find "$prefix" -name limef.pc)"; then
    echo "the installed tree names the place where it was built or installed"
    exit 1
fi

PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name limef.pc)")
LD_LIBRARY_PATH=$(dirname "$PKG_CONFIG_PATH")
export PKG_CONFIG_PATH LD_LIBRARY_PATH

echo "$kind, pkg-config, C"
# shellcheck disable=SC2046 # words are meant
"$cc" -std=c11 -Wall -Wextra -Werror "$here/hello.c" -o "$work/hello" \
    $(pkg-config --cflags --libs limef)
"$work/hello"
echo "$kind, pkg-config, the README's program and the tutorial's filter"
# shellcheck disable=SC2046
"$cc" -Wall -Wextra -Werror "$source/apps/tutorial/0_play.c" -o "$work/0_play" \
    $(pkg-config --cflags --libs limef)
# shellcheck disable=SC2046
"$cc" -std=c11 -Wall -Wextra -Werror "$source/apps/tutorial/3_own_filter.c" -o "$work/3_own_filter" \
    $(pkg-config --cflags --libs limef libavcodec libavutil)
if "$work/3_own_filter" "$work/missing" 2>"$work/log"; then
    echo "3_own_filter plays what is not there"
    exit 1
fi
grep -q 'missing: No such file' "$work/log"
if [ -n "$cxx" ]; then
    echo "$kind, pkg-config, C++"
    # shellcheck disable=SC2046
    "$cxx" -std=c++17 -Wall -Wextra -Werror "$here/hello.cpp" -o "$work/hello++" \
        $(pkg-config --cflags --libs limef)
    "$work/hello++"
fi

unset LD_LIBRARY_PATH PKG_CONFIG_PATH
echo "$kind, find_package"
{
    cmake -S "$here" -B "$work/consumer" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$cc" \
        ${cxx:+-DCMAKE_CXX_COMPILER="$cxx"} -DWITH_CXX="${cxx:+ON}" &&
        cmake --build "$work/consumer"
} >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
"$work/consumer/hello"
[ -z "$cxx" ] || "$work/consumer/hello++"

if [ -x "$prefix/bin/limef-play" ]; then
    echo "$kind, the player where it was moved to"
    "$prefix/bin/limef-play" --version
fi
