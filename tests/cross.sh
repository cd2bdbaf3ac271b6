#!/usr/bin/env bash
# cross.sh [PART...]: builds the tool for other systems and runs those of its tests that can run here.
#
#   windows   tests for x86_64-pc-windows-gnu, under wine; logs in to an OpenSSH server from there
#   arm64     tests for aarch64-unknown-linux-gnu, under QEMU's user-mode emulation; logs in as well
#   checks    clippy for x86_64-pc-windows-msvc and aarch64-apple-darwin; nothing is linked or run
#   release   the programs for a release, in target/release-builds: static ones for Linux, macOS', Windows'
#
# All but the last by default. It happens in a Debian 13 of its own, in namespaces of its own: the machine stays as it
# is. Needs root, mmdebstrap and 10 GB of disk.
#
# PODMAN_BOOTC_CROSS_CACHE   where that Debian and what is built are kept (target/cross)
# CROSS_MIRROR               the Debian mirror (http://deb.debian.org)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Of what is in Debian 13 only rustc-web is new enough; the others fit to it.
packages=ca-certificates,gcc,libc6-dev,rustc-web,cargo-web,rust-web-src,rust-web-clippy
packages+=,gcc-mingw-w64-x86-64-posix,wine64,openssh-server,openssh-client
packages+=,gcc-aarch64-linux-gnu,libc6-dev-arm64-cross,libstd-rust-web-dev:arm64,qemu-user,qemu-efi-aarch64
mirror=${CROSS_MIRROR:-http://deb.debian.org}

cache=${PODMAN_BOOTC_CROSS_CACHE:-target/cross}
mkdir -p "$cache/build"
cache=$(cd "$cache" && pwd)

[ $# -gt 0 ] || set -- windows arm64 checks

# Called where a failure doesn't end the script.
make_root() {
    echo "cross: making $root of Debian packages; takes some minutes"
    # In a namespace of its own: one that is broken off leaves no mounts of this machine behind, which must not go.
    rm -rf --one-file-system "$cache"/root-* &&
        unshare --mount mmdebstrap --quiet --variant=apt --architectures=amd64,arm64 --include="$packages" \
            --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Retries "3"' \
            --dpkgopt=force-unsafe-io \
            trixie "$root.part" "deb $mirror/debian trixie main" "deb $mirror/debian trixie-updates main" \
            "deb $mirror/debian-security trixie-security main" &&
        mkdir "$root.part/src" "$root.part/build" "$root.part/registry" &&
        mv "$root.part" "$root"
}

# Another way to make it makes another.
root=$cache/root-$({ declare -f make_root && echo "$packages $mirror"; } | sha256sum | cut -c1-16)

# One at a time.
exec 9>"$cache/lock"
flock 9
start=$SECONDS
for pause in 5 30 0; do
    [ -d "$root" ] || make_root || sleep $pause
done
[ -d "$root" ]
echo "cross: got what it needs after $((SECONDS - start)) s"

registry=${CARGO_HOME:-$HOME/.cargo}/registry
mkdir -p "$registry"
# The registry that this machine is set up for.
config=${CARGO_HOME:-$HOME/.cargo}/config.toml
export root cache registry config

# Before Linux 6.7 there is but one binfmt_misc, the machine's: then it is told of QEMU for as long as this runs.
own_binfmt() {
    unshare --user --map-root-user --mount mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc 2>/dev/null
}
if [[ " $* " =~ ' arm64 '|' release ' ]] && ! own_binfmt; then
    binfmt=$cache/binfmt
    mkdir -p "$binfmt"
    mount -t binfmt_misc binfmt_misc "$binfmt"
    trap 'echo -1 >"$binfmt/cross-$$"; umount "$binfmt"' EXIT
    trap 'exit 1' HUP INT TERM
    tests/cross/binfmt cross-$$ "$root/usr/bin/qemu-aarch64" >"$binfmt/register"
fi

# The first process of the namespaces; it waits until its users are known.
enter() {
    until [ "$(id -u)" = 0 ] && [ "$(id -g)" = 0 ]; do sleep 0.05; done
    mount --rbind /dev "$root/dev"
    mount -t proc proc "$root/proc"
    mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
    mount -t tmpfs tmpfs "$root/run"
    mount --bind . "$root/src"
    mount --bind "$cache/build" "$root/build"
    mount --bind "$registry" "$root/registry"
    mkdir -p "$root/tmp/cargo" "$root/run/sshd"
    ln -s /registry "$root/tmp/cargo/registry"
    [ ! -e "$config" ] || cp "$config" "$root/tmp/cargo/config.toml"
    cat /etc/resolv.conf >"$root/etc/resolv.conf"
    cat /etc/ssl/certs/ca-certificates.crt >"$root/etc/ssl/certs/ca-certificates.crt"
    exec chroot "$root" /src/tests/cross/inside.sh "$@"
}
export -f enter

unshare --user --mount --pid --fork --kill-child bash -euc 'enter "$@"' enter "$@" 9>&- &
inside=$!
while [ "$(readlink "/proc/$inside/ns/user")" = "$(readlink /proc/self/ns/user)" ]; do sleep 0.05; done
echo 0 0 65536 >"/proc/$inside/uid_map"
echo 0 0 65536 >"/proc/$inside/gid_map"
wait "$inside"
