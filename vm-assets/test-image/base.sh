#!/bin/sh
# base.sh OUT.tar ARCHITECTURE: the root filesystem of the test image as a tar,
# from Debian packages. Needs root, mmdebstrap and a Debian mirror; for another
# architecture than this machine's qemu-user, too.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$1
arch=$2

# File times come from here, so that the same packages give the same tar.
export SOURCE_DATE_EPOCH=1735689600 # 2025-01-01
# The kernel's package needs to make no initramfs: customize.sh makes the one.
export INITRD=No

# A package's installation talks a lot; it is shown when it fails.
log=$out.log
binfmt=
trap 'rm -f "$log"; [ -z "$binfmt" ] || echo -1 >"$binfmt"' EXIT
trap 'exit 1' HUP INT TERM

# The packages' scripts are programs of that architecture. As long as this runs,
# the kernel starts them with QEMU, which it opens now (flag F): no file of ours
# is in the new root. The mount is seen by this process only.
if [ "$arch" != "$(dpkg --print-architecture)" ]; then
    if [ -z "${BASE_SH_APART-}" ]; then
        exec env BASE_SH_APART=1 unshare --mount "$0" "$@"
    fi
    case $arch in
    amd64) qemu=qemu-x86_64 machine='\x3e\x00' ;;
    arm64) qemu=qemu-aarch64 machine='\xb7\x00' ;;
    esac
    folder=/proc/sys/fs/binfmt_misc
    mount -t binfmt_misc binfmt_misc $folder
    magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00'$machine
    mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
    printf '%s' ":podman-bootc-test-$$:M::$magic:$mask:$(command -v $qemu):F" >$folder/register
    binfmt=$folder/podman-bootc-test-$$
fi

# TMPDIR is where the packages are unpacked; about 500 MB.
mmdebstrap --quiet --mode=root --variant=essential --format=tar --skip=output/dev,check/qemu \
    --architectures="$arch" \
    --include="$(sed "s/#.*//; s/ARCHITECTURE/$arch/" "$here/packages" | xargs | tr ' ' ',')" \
    --aptopt='Apt::Install-Recommends "false"' \
    --aptopt='Acquire::Retries "3"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --customize-hook="sh '$here/customize.sh' \"\$1\"" \
    trixie "$out" "${TEST_IMAGE_MIRROR:-http://deb.debian.org/debian}" >"$log" 2>&1 || {
    cat "$log" >&2
    exit 1
}
