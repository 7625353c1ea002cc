#!/bin/sh
# SPDX-License-Identifier: MIT
#
# install-deps.sh build|test|vm
#
# Installs what is missing of the Debian packages that limef is built with (build), or built and
# tested with (test), or that the virtual machine of test/vm is made and run with (vm). Asks apt for
# nothing if nothing is missing.
set -eu

build="gcc libc6-dev cmake ninja-build pkg-config
    libavformat-dev libavcodec-dev libavutil-dev libswresample-dev libswscale-dev
    libavfilter-dev libshout-dev
    libdrm-dev libva-dev libgbm-dev libgnutls28-dev
    libegl-dev libgles-dev libgl1-mesa-dri libasound2-dev libsdl2-dev libwayland-dev wayland-protocols
    libfreetype-dev libfontconfig-dev fonts-dejavu-core ca-certificates"
tests="g++ clang lld libclang-rt-dev libcriterion-dev python3 doxygen ffmpeg
    vpx-tools xvfb xdotool weston iproute2 icecast2 pulseaudio
    pipewire-bin wireplumber openssl
    libgstrtspserver-1.0-dev libgstreamer-plugins-base1.0-dev gstreamer1.0-plugins-base
    gstreamer1.0-plugins-good gstreamer1.0-plugins-bad glib-networking vlc-bin vlc-plugin-base"
vm="qemu-system-x86 linux-headers-amd64 busybox-static binutils cpio gcc kmod make patch python3
    xz-utils"

case ${1:-} in
build) wanted=$build ;;
test) wanted="$build $tests" ;;
vm) wanted=$vm ;;
*)
    echo "usage: $0 build|test|vm" >&2
    exit 1
    ;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    # other systems name their packages otherwise; CMake says what it does not find
    echo "$0: not a Debian system, so nothing is installed; limef needs what Debian calls:" >&2
    printf "%s\n" "$wanted" >&2
    exit 0
fi

is_installed() {
    # shellcheck disable=SC2016 # the format is dpkg's
    case $(dpkg-query -W -f '${db:Status-Status} ' "$1" 2>/dev/null || true) in
    installed\ * | *\ installed\ *) ;; # once for each architecture; not not-installed
    *) return 1 ;;
    esac
}

missing=
for package in $wanted; do
    is_installed "$package" && continue
    if [ "$package" = pulseaudio ] && is_installed pipewire-alsa; then
        echo "$0: no pulseaudio, for which pipewire-alsa would have to go: e2e_pulseaudio is skipped" >&2
    else
        missing="$missing $package"
    fi
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null; then
    as_root=sudo
else
    echo "$0: some packages are missing, and this is neither root nor is there sudo." >&2
    echo "As root: apt-get install --no-install-recommends$missing" >&2
    exit 1
fi

echo "installing$missing"
# where CI is set the machine is made for this run: dpkg need not wait for its disk
# shellcheck disable=SC2086 # words are meant
{
    $as_root apt-get -qq update
    $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=600 \
        ${CI:+-o Dpkg::Options::=--force-unsafe-io} install $missing >/dev/null
}
# the tests run servers of their own
case $missing in
*icecast2*) # Debian's listens to everybody, with passwords everybody knows
    $as_root systemctl disable --now icecast2 >/dev/null 2>&1 || true
    ;;
esac
case $missing in
*pulseaudio*) # nobody asked for one with every login
    $as_root systemctl --global disable pulseaudio.socket pulseaudio.service >/dev/null 2>&1 || true
    ;;
esac
case $missing in
*wireplumber*)
    $as_root systemctl --global disable pipewire.socket pipewire.service wireplumber.service >/dev/null 2>&1 || true
    ;;
esac
