#!/bin/sh
# image.sh NAME FOLDER: builds the image NAME: the test image with what tmt (rsync) and Ansible (Python) need in a guest.
# FOLDER keeps the packages for the next time. Needs root, mmdebstrap, podman and the test image.
set -eu
name=$1
mkdir -p "$2/context"
folder=$(realpath "$2")
tar=$folder/context/recipes.tar
if [ ! -e "$tar" ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    trap 'exit 1' HUP INT TERM
    mmdebstrap --quiet --mode=root --variant=extract --format=directory --skip=output/dev,check/qemu \
        --include=rsync,python3 \
        --aptopt='Apt::Install-Recommends "false"' \
        --aptopt='Acquire::Retries "3"' \
        --dpkgopt='path-exclude=/usr/share/*' \
        trixie "$work/root" "${TEST_IMAGE_MIRROR:-http://deb.debian.org/debian}" >"$work/log" 2>&1 || {
        cat "$work/log" >&2
        exit 1
    }
    # The essential packages are in the test image.
    mkdir "$work/new"
    podman run --rm --network none --entrypoint /usr/bin/find localhost/podman-bootc-test / -xdev \
        \( -type f -o -type l \) -printf '%P\n' >"$work/unsorted"
    sort "$work/unsorted" >"$work/base"
    cd "$work/root"
    rm -rf var etc/apt usr/lib/*/gconv usr/lib/systemd
    find . \( -type f -o -type l \) -printf '%P\n' | sort >"$work/all"
    comm -23 "$work/all" "$work/base" | tar -cf "$tar.part" --no-recursion --owner=0 --group=0 \
        --numeric-owner --mtime=@1735689600 --verbatim-files-from -T -
    mv "$tar.part" "$tar"
fi
printf 'FROM localhost/podman-bootc-test\nADD recipes.tar /\n' >"$folder/context/Containerfile"
podman build --quiet --network none --timestamp 1735689600 --tag "$name" "$folder/context"
