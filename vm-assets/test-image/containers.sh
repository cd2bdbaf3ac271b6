#!/bin/sh
# containers.sh OUT.tar ARCHITECTURE BASE.tar: what the variant `containers` adds to the base:
# skopeo and podman, without their packages' scripts. Needs what base.sh needs.
set -eu
out=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

mmdebstrap --quiet --mode=root --variant=extract --format=directory --skip=output/dev,check/qemu \
    --architectures="$2" --include=skopeo,podman,attr \
    --aptopt='Apt::Install-Recommends "false"' \
    --aptopt='Acquire::Retries "3"' \
    --dpkgopt='path-exclude=/usr/share/*' \
    --dpkgopt='path-include=/usr/share/containers/*' \
    trixie "$work/root" "${TEST_IMAGE_MIRROR:-http://deb.debian.org/debian}" >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    exit 1
}
cd "$work/root"
# Nothing runs a container, or signs anything.
rm -rf usr/lib/cni usr/libexec/podman usr/lib/gnupg usr/lib/*/gconv usr/bin/gpg* usr/bin/dirmngr* \
    usr/sbin/xtables* etc/X11 etc/logcheck etc/hostname etc/resolv.conf usr/lib/podman/netavark-dhcp* usr/lib/systemd usr/lib/*/*.a etc/systemd \
    var etc/cni etc/apt
find . \( -type f -o -type l \) -printf './%P\n' | sort >"$work/all"
tar -tf "$3" | sort >"$work/base"
comm -23 "$work/all" "$work/base" | tar -cf "$out" --no-recursion --owner=0 --group=0 \
    --numeric-owner --mtime=@1735689600 --verbatim-files-from -T -
