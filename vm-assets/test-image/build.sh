#!/bin/sh
# build.sh [VARIANT...]: builds localhost/podman-bootc-test:VARIANT, all
# variants by default; does nothing where an image is there and up to date.
#
# Needs root and, of Debian's packages:
#   mmdebstrap podman runc
# and for another architecture than this machine's
#   qemu-user (8 or newer)
#
# TEST_IMAGE_CACHE   where the base tar is kept (target/test-image)
# TEST_IMAGE_MIRROR  the Debian mirror (http://deb.debian.org/debian)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
name=localhost/podman-bootc-test
all="latest edited nofs nosshd failing panic notbootable nolabel arm64 containers selinux"
cache=${TEST_IMAGE_CACHE:-$here/../../target/test-image}
export CONTAINERS_CONF="${CONTAINERS_CONF:-$here/containers.conf}"

# The hash of the given files and folders: names, modes, link targets, contents.
hash_of() {
    (
        cd "$here"
        find "$@" \( -type f -o -type l \) -printf '%p %m %l\n' | LC_ALL=C sort
        find "$@" -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
    ) | sha256sum | cut -c1-16
}

[ $# -gt 0 ] || set -- $all
for variant in "$@"; do
    case " $all " in
    *" $variant "*) ;;
    *) echo "build.sh: no variant $variant; there are: $all" >&2; exit 2 ;;
    esac
done

mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
# One build at a time: tests may ask for the images side by side.
exec 9>"$cache/lock"
flock 9

base_key=$(hash_of packages base.sh customize.sh)
# The architecture of a variant, and the file of an architecture's base.
arch_of() { case $1 in arm64) echo arm64 ;; *) dpkg --print-architecture ;; esac; }
base_of() { echo "$cache/base-$1-$base_key.tar"; }
inputs=$(hash_of packages base.sh customize.sh build.sh Containerfile rootfs variants bootc containers.sh selinux.sh)

# An image is up to date when it is the one that was built from these inputs.
# (A label would say so too, but it would change the image with every input.)
missing=
for variant in "$@"; do
    id=$(podman image inspect --format '{{.Id}}' "$name:$variant" 2>/dev/null || true)
    [ "$(cat "$cache/built-$variant" 2>/dev/null)" = "$inputs $id" ] || missing="$missing $variant"
done
[ -n "$missing" ] || exit 0

# The bases side by side: most of the work of each is for one processor.
build_base() {
    base=$(base_of "$1")
    [ ! -e "$base" ] || return 0
    echo "test image: building $base from Debian packages; takes a few minutes"
    rm -f "$cache/base-$1-"*.tar*
    "$here/base.sh" "$base.part" "$1"
    mv "$base.part" "$base"
}
pids=
for arch in $(for variant in $missing; do arch_of "$variant"; done | sort -u); do
    build_base "$arch" &
    pids="$pids $!"
done
for pid in $pids; do
    wait "$pid"
done

# What some variants add to their base, by the script of their name.
for variant in containers selinux; do
    case " $missing " in
    *" $variant "*) ;;
    *) continue ;;
    esac
    addition=$cache/$variant-$base_key-$(hash_of $variant.sh).tar
    if [ ! -e "$addition" ]; then
        echo "test image: building $addition from Debian packages"
        rm -f "$cache/$variant"-*.tar*
        arch=$(arch_of $variant)
        "$here/$variant.sh" "$addition.part" "$arch" "$(base_of "$arch")"
        mv "$addition.part" "$addition"
    fi
done

# The build context: what is here, and the base beside it.
context=$cache/context
rm -rf "$context"
mkdir "$context"
cp -a "$here/Containerfile" "$here/rootfs" "$here/variants" "$here/bootc" "$context/"
for variant in $missing; do
    echo "test image: building $name:$variant"
    arch=$(arch_of "$variant")
    ln -f "$(base_of "$arch")" "$context/base.tar"
    case $variant in
    containers | selinux)
        ln -f "$cache/$variant-$base_key-$(hash_of "$variant.sh").tar" "$context/$variant.tar" ;;
    esac
    old=$(podman image inspect --format '{{.Id}}' "$name:$variant" 2>/dev/null || true)
    # The fixed time makes the layers a function of their inputs.
    id=$(podman build --quiet --network none --timestamp 1735689600 --arch "$arch" \
        --target "$variant" --tag "$name:$variant" "$context")
    echo "$inputs $id" >"$cache/built-$variant"
    # The image that lost its name to the new one, unless it has another name
    # or something still needs it.
    if [ -n "$old" ] && [ "$old" != "$id" ] &&
        [ "$(podman image inspect --format '{{len .RepoTags}}' "$old" 2>/dev/null)" = 0 ]; then
        podman rmi "$old" >/dev/null 2>&1 || true
    fi
done
rm -rf "$context"
