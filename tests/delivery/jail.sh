#!/bin/sh
# Runs a command as a container would: as nobody, in a root of its own that is read-only and holds the system, Python,
# what is installed, and one directory to write to (a volume). The source tree is not in it. Needs root on Linux.
#
#     unshare --mount sh jail.sh ROOT VOLUME READABLE... -- COMMAND...
set -eu
root=$1 volume=$2
shift 2

mount --make-rprivate /
mount -t tmpfs -o mode=755 none "$root"

show() {
    mkdir -p "$root$1"
    mount --bind "$1" "$root$1"
    mount -o "remount,bind,$2" "$root$1"
}

for directory in /usr /etc /bin /sbin /lib /lib64; do
    if [ -L "$directory" ]; then
        cp -P "$directory" "$root$directory"
    elif [ -d "$directory" ]; then
        show "$directory" ro
    fi
done
while [ "$1" != -- ]; do
    case $1 in /usr/*) ;; *) show "$1" ro ;; esac
    shift
done
shift
show "$volume" rw
mkdir "$root/dev" "$root/empty" "$root/proc"
for device in null urandom; do
    : >"$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mount --bind /proc "$root/proc"
mount -o remount,ro "$root"

exec chroot --userspec=65534:65534 --groups= "$root" /usr/bin/env -C /empty "$@"
