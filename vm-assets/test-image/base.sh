#!/bin/sh
# base.sh OUT.tar: the root filesystem of the test image as a tar, from Debian
# packages. Needs root, mmdebstrap and a Debian mirror.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$1

# File times come from here, so that the same packages give the same tar.
export SOURCE_DATE_EPOCH=1735689600 # 2025-01-01

# A package's installation talks a lot; it is shown when it fails.
log=$out.log
trap 'rm -f "$log"' EXIT

# TMPDIR is where the packages are unpacked; about 500 MB.
mmdebstrap --quiet --mode=root --variant=essential --format=tar --skip=output/dev \
    --include="$(sed 's/#.*//' "$here/packages" | xargs | tr ' ' ',')" \
    --aptopt='Apt::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --customize-hook="sh '$here/customize.sh' \"\$1\"" \
    trixie "$out" "${TEST_IMAGE_MIRROR:-http://deb.debian.org/debian}" >"$log" 2>&1 || {
    cat "$log" >&2
    exit 1
}
