#!/bin/sh
# SPDX-License-Identifier: MIT
#
# setup.sh DIR: makes DIR/vmlinux, DIR/initrd.img and DIR/modules, with which vm.py boots. From
# packages of this Debian alone: its kernel is unpacked, not installed, and vkms, udmabuf and the dma-heaps, which
# it leaves out, are built beside it. About 20 s and 200 MB of downloads, 80 MB of which stay; nothing if DIR
# is up to date. Exit status 77: it cannot be had here, and why.
set -eu

[ $# = 1 ] || { echo "usage: $0 DIR" >&2; exit 1; }
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
dir=$(cd "$1" && pwd)

skip()
{
    echo "no virtual machine: $*" >&2
    exit 77
}

[ "$(uname -m)" = x86_64 ] || skip "made for x86_64, this is $(uname -m)"
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || skip "not a Debian system"
"$here/../../scripts/install-deps.sh" vm || skip "its packages cannot be installed"

# the kernel that the headers are of
headers=$(dpkg-query -W -f '${Depends}' linux-headers-amd64 | sed 's/^linux-headers-\([^ ,]*\).*/\1/')
version=$(dpkg-query -W -f '${Version}' "linux-headers-$headers")
series=$(echo "$headers" | cut -d . -f 1,2)
stamp="$headers $version $(cat "$0" "$here/initramfs-init" "$here"/*-"$series.patch" 2>/dev/null | cksum)"
if [ "$(cat "$dir/stamp" 2>/dev/null)" = "$stamp" ]; then
    exit 0
fi
[ -e "$here/vkms-$series.patch" ] || skip "there is no patch of vkms for Linux $series"

rm -rf "$dir/stamp" "$dir/modules" "$dir/build"
mkdir -p "$dir/modules" "$dir/build/image"
cd "$dir/build"
apt-get -qq download "linux-image-$headers=$version" "linux-source-$series=$version" 2>download.log ||
    skip "$(tail -n 1 download.log)"
dpkg-deb -x linux-image-*.deb image
source=linux-source-$series
dpkg-deb --fsys-tarfile "$source"_*.deb | tar x "./usr/src/$source.tar.xz"
tar xf "usr/src/$source.tar.xz" "$source/drivers/gpu/drm/vkms" "$source/drivers/dma-buf" "$source/scripts/extract-vmlinux"

all=$PWD/image/lib/modules/$headers
mkdir -p "$all/extra"

# build MODULE FOLDER: of the kernel's sources, with a patch of ours
build()
{
    patch -s -d "$source" -p1 <"$here/$1-$series.patch"
    make -s -C "/usr/src/linux-headers-$headers" "M=$PWD/$source/$2" CONFIG_DRM_VKMS=m modules >build.log 2>&1 || {
        tail -n 20 build.log >&2
        exit 1
    }
    strip --strip-debug "$source/$2/$1.ko"
    cp "$source/$2/$1.ko" "$all/extra/"
}
build vkms drivers/gpu/drm/vkms
echo 'obj-m := udmabuf.o' >"$source/drivers/dma-buf/Makefile"
build udmabuf drivers/dma-buf
cat >"$source/drivers/dma-buf/Makefile" <<EOF
obj-m := dma-heaps.o
dma-heaps-y := dma-heap.o heaps/system_heap.o
EOF
build dma-heaps drivers/dma-buf
depmod -b image "$headers"

# The bare ELF image boots 3 s sooner: nothing has to be unpacked by an emulated processor.
sh "$source/scripts/extract-vmlinux" "image/boot/vmlinuz-$headers" >"$dir/vmlinux"

# files_of MODULE...: what has to be loaded for them, in order, relative to the kernel's folder
files_of()
{
    for module; do
        modprobe -d image -S "$headers" --show-depends "$module"
    done | sed -n "s#^insmod .*/lib/modules/$headers/\([^ ]*\).*#\1#p" | awk '!seen[$0]++'
}

kept=$dir/modules/lib/modules/$headers
mkdir -p "$kept"
files_of vkms udmabuf dma-heaps vgem vivid virtio_gpu snd-dummy | while read -r file; do
    mkdir -p "$kept/$(dirname "$file")"
    cp "$all/$file" "$kept/$file"
done
cp "$all"/modules.order "$all"/modules.builtin* "$kept/"
depmod -b "$dir/modules" "$headers"

mkdir -p initramfs/bin initramfs/dev initramfs/proc initramfs/sys initramfs/root initramfs/modules
cp /bin/busybox initramfs/bin/
for applet in sh mount insmod switch_root cat; do
    ln -s busybox "initramfs/bin/$applet"
done
install -m 755 "$here/initramfs-init" initramfs/init
files_of virtio_pci 9pnet_virtio 9p virtio_rng | while read -r file; do
    cp "$all/$file" initramfs/modules/
    basename "$file" >>initramfs/modules/list
done
(cd initramfs && find . | cpio -o -H newc --quiet) >initrd
gzip -1 <initrd >"$dir/initrd.img"

cd "$dir"
rm -rf build
echo "$stamp" >stamp
echo "a virtual machine with Linux $headers: $(du -sh "$dir" | cut -f 1) in $dir"
