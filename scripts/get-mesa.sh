#!/bin/sh
# SPDX-License-Identifier: MIT
#
# get-mesa.sh FOLDER
#
# Puts the Mesa of Debian 12's backports into FOLDER, installing nothing: a software OpenGL that
# imports dma-bufs, and takes memfds for them, on machines without a GPU. `. FOLDER/environment`
# makes programs use it. 21 MB are downloaded, with the machine's own mirror and keys.
# Exit status 77: it cannot be had here, one line says why.
set -eu

folder=${1:?usage: get-mesa.sh FOLDER}
packages="libdrm2 libgbm1 mesa-libgallium libegl-mesa0 libgl1-mesa-dri libglx-mesa0
    libdrm-intel1 libdrm-radeon1 libdrm-nouveau2 libdrm-amdgpu1"

skip()
{
    echo "get-mesa.sh: $1" >&2
    exit 77
}

if [ -s "$folder/environment" ]; then
    exit 0
fi
command -v apt-get >/dev/null && command -v dpkg >/dev/null || skip "this is no Debian"
release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
[ "$release" = bookworm ] || skip "this is not Debian 12: its Mesa may be new enough as it is"

# the mirror that the machine has for its release
mirror=$(apt-get indextargets --format '$(SITE) $(RELEASE) $(CREATED_BY)' 2>/dev/null |
    awk '$2 == "bookworm" && $3 == "Packages" { print $1; exit }')
[ -n "$mirror" ] || skip "apt knows no mirror for bookworm"

mkdir -p "$folder"
cd "$folder"
folder=$PWD
work=$(mktemp -d "$folder/.work.XXXXXX") # another one may do the same at the same time
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/debs"
cd "$work"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
    "$mirror bookworm-backports main" >sources.list
apt="apt-get -qq -o Dir::Etc::SourceList=$work/sources.list -o Dir::Etc::SourceParts=/dev/null
    -o Dir::State::Lists=$work/lists -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=
    -o APT::Sandbox::User="
$apt update >log 2>&1 || skip "no bookworm-backports at $mirror: $(tail -n 1 log)"
wanted=
for package in $packages; do
    wanted="$wanted $package/bookworm-backports"
done
# shellcheck disable=SC2086 # words are meant
(cd debs && $apt download $wanted) >>log 2>&1 || skip "cannot be downloaded: $(tail -n 1 log)"
for deb in debs/*.deb; do
    dpkg -x "$deb" root
done

libraries=$folder/root/usr/lib/$(uname -m)-linux-gnu
cat >environment <<END
LD_LIBRARY_PATH=$libraries
LIBGL_DRIVERS_PATH=$libraries/dri
GBM_BACKENDS_PATH=$libraries/gbm
__EGL_VENDOR_LIBRARY_FILENAMES=$folder/root/usr/share/glvnd/egl_vendor.d/50_mesa.json
LIBGL_ALWAYS_SOFTWARE=1
END
[ -e "$folder/root" ] || mv root "$folder/root"
mv environment "$folder/environment"
