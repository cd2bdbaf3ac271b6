#!/bin/sh
# selinux.sh OUT.tar ARCHITECTURE BASE.tar: what the variant `selinux` adds to the base: Debian's SELinux
# policy, enforcing, and the programs that look at labels. Needs what base.sh needs.
set -eu
out=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# The scripts of the policy's package build the policy.
mmdebstrap --quiet --mode=root --variant=essential --format=directory --skip=output/dev,check/qemu \
    --architectures="$2" --include=selinux-policy-default,selinux-utils,policycoreutils \
    --aptopt='Apt::Install-Recommends "false"' \
    --aptopt='Acquire::Retries "3"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    trixie "$work/root" "${TEST_IMAGE_MIRROR:-http://deb.debian.org/debian}" >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    exit 1
}
cd "$work/root"
sed -i 's/^SELINUX=.*/SELINUX=enforcing/' etc/selinux/config
# Nothing builds the policy again, and nothing labels files in the guest.
rm -rf usr/share etc/selinux/semanage.conf usr/libexec usr/lib/systemd usr/sbin/fixfiles
find etc/selinux usr \( -type f -o -type l \) -printf './%p\n' | sort >"$work/all"
tar -tf "$3" | sort >"$work/base"
comm -23 "$work/all" "$work/base" | tar -cf "$out" --no-recursion --owner=0 --group=0 \
    --numeric-owner --mtime=@1735689600 --verbatim-files-from -T -
