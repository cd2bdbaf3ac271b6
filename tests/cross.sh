#!/usr/bin/env bash
# cross.sh [--changed|--record] [PART...]: builds the tool for other systems and runs the tests that can run here.
#
#   windows   tests for x86_64-pc-windows-gnu under wine, with logins to an OpenSSH server
#   macos     clippy for aarch64-apple-darwin; nothing is linked or run
#   msvc      clippy for x86_64-pc-windows-msvc; nothing is linked or run
#   arm64     tests for aarch64-unknown-linux-gnu under QEMU's user-mode emulation, with the same logins
#   release   the programs for a release, in target/release-builds: Linux (static), macOS, Windows
#
# All parts but `release` are the default. The script works in its own Debian 13 and its own namespaces, so the machine
# does not change. It needs root, mmdebstrap and 10 GB of disk.
#
#   --changed   leaves out a part when tests/cross/passed has its fingerprint: the part passed with the same files
#   --record    writes the fingerprints of the parts that passed to tests/cross/passed, to be committed
#
# PODMAN_BOOTC_CROSS_CACHE   the folder for that Debian and for builds (~/.cache/podman-bootc-cross)
# CROSS_MIRROR               the Debian mirror (http://deb.debian.org)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Debian 13's rustc-web is the only Rust there that is new enough; the other packages belong to it.
packages=ca-certificates,gcc,libc6-dev,rustc-web,cargo-web,rust-web-src,rust-web-clippy
packages+=,gcc-mingw-w64-x86-64-posix,wine64,openssh-server,openssh-client
packages+=,gcc-aarch64-linux-gnu,libc6-dev-arm64-cross,libstd-rust-web-dev:arm64,qemu-user,qemu-efi-aarch64
mirror=${CROSS_MIRROR:-http://deb.debian.org}

# Outside the clone, so that all clones on a machine share it.
cache=${PODMAN_BOOTC_CROSS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/podman-bootc-cross}
mkdir -p "$cache/build"
cache=$(cd "$cache" && pwd)

mode=
case ${1-} in --changed | --record) mode=$1 && shift ;; esac
[ $# -gt 0 ] || set -- windows macos msvc arm64

# `set -e` has no effect in here, because of the loop below.
make_root() {
    echo "cross: making $root of Debian packages; takes some minutes"
    # A mount namespace, so that an interrupted run leaves no mounts of the machine below a folder that is removed.
    rm -rf --one-file-system "$cache"/root-* &&
        unshare --mount mmdebstrap --quiet --variant=apt --architectures=amd64,arm64 --include="$packages" \
            --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Retries "3"' \
            --dpkgopt=force-unsafe-io \
            trixie "$root.part" "deb $mirror/debian trixie main" "deb $mirror/debian trixie-updates main" \
            "deb $mirror/debian-security trixie-security main" &&
        mkdir "$root.part/src" "$root.part/build" "$root.part/registry" &&
        mv "$root.part" "$root"
}

# The name has a hash of the recipe: a changed recipe makes a new root.
root=$cache/root-$({ declare -f make_root && echo "$packages $mirror"; } | sha256sum | cut -c1-16)

# One run at a time.
exec 9>"$cache/lock"
flock 9

passed=tests/cross/passed

# Prints the files that can make a part fail while the tests for Linux on x86-64 pass, and for the last two parts the
# `windows` part, too.
covered() {
    local always=(Cargo.toml Cargo.lock clippy.toml tests/cross.sh tests/cross/{inside.sh,no-cc,binfmt})
    case $1 in
    # No other part compiles the code for Windows, or for macOS: any change counts.
    windows)
        git ls-files -- "${always[@]}" build.rs src tests vm-assets completions docs/man \
            ':!tests/cross/passed' ':!tests/e2e' ':!tests/bench'
        ;;
    macos) git ls-files -- "${always[@]}" src 'tests/*.rs' ;;
    # The `windows` part compiles the same code, so only clippy's lints are new here.
    msvc) git ls-files -- "${always[@]}" && git grep -lw windows -- src 'tests/*.rs' ;;
    # Both are 64-bit, little-endian Linux: the differences are system calls, dependencies and code that asks for the
    # architecture. The hosted workflow runs the same tests on real arm64 processors after each push.
    arm64)
        git ls-files -- "${always[@]}" src/host &&
            git grep -lE 'target_arch|consts::ARCH|aarch64' -- src 'tests/*.rs' ':!tests/e2e'
        ;;
    esac
}

# Prints a hash over the covered files, or nothing when that can't be told. This script is one of them, and names the
# compiler's Debian.
fingerprint() {
    local files sums
    files=$(covered "$1" | sort -u) && [ -n "$files" ] || return 0
    sums=$(xargs -d '\n' sha256sum <<<"$files") || return 0
    sha256sum <<<"$sums" | cut -c1-16
}

if [ "$mode" = --changed ]; then
    for part in "$@"; do
        shift
        print=$(fingerprint "$part")
        if [ -n "$print" ] && grep -qsx "$part $print" $passed; then
            echo "cross: $part left out: it passed with the same files before ($print in $passed)"
        else
            set -- "$@" "$part"
        fi
    done
    [ $# -gt 0 ] || exit 0
fi

# Taken before the run, because someone may edit files meanwhile.
record=
if [ "$mode" = --record ]; then
    for part in "$@"; do
        print=$(fingerprint "$part")
        [ -z "$print" ] || record+="$part $print"$'\n'
    done
fi

start=$SECONDS
for pause in 5 30 0; do
    [ -d "$root" ] || make_root || sleep $pause
done
[ -d "$root" ]
echo "cross: got what it needs after $((SECONDS - start)) s"

registry=${CARGO_HOME:-$HOME/.cargo}/registry
mkdir -p "$registry"
# The machine's settings name the registry.
config=${CARGO_HOME:-$HOME/.cargo}/config.toml
export root cache registry config
# The Debian has no git; see build.rs.
PODMAN_BOOTC_COMMIT=$(git log -1 --abbrev=9 --format='%h %cs' 2>/dev/null || true)
export PODMAN_BOOTC_COMMIT

# Before Linux 6.7 only the machine has a binfmt_misc: the script registers QEMU there while it runs.
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

# The first process of the namespaces. It waits until the user IDs are mapped.
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

# One line for each part: a new line replaces the old one.
if [ -n "$record" ]; then
    { printf '%s' "$record" && cat $passed 2>/dev/null || true; } | sort -su -k1,1 >$passed.new
    mv $passed.new $passed
fi
