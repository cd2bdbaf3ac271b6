#!/usr/bin/env bash
# packages.sh [build] [test]: builds the .deb and the .rpm in target/packages, and tests them; without arguments both.
#
#   build   builds the program and packs it; needs cargo, and installs cargo-deb and cargo-generate-rpm
#   test    installs the .deb with apt in a clean Debian 13, which gets nothing else, and runs an image in a VM there;
#           installs the .rpm into an empty root; needs root, the test image, mmdebstrap, rpm and a Debian mirror
#
# PACKAGES_PROFILE             the profile of the program (release); `dev` is for tests, because it is built already
# PODMAN_BOOTC_PACKAGE_TOOLS   the folder for the tools that pack (~/.cache/podman-bootc-package-tools)
# PACKAGES_MIRROR              the Debian mirror (http://deb.debian.org/debian)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

DEB=3.8.0 RPM=0.21.1
target=${CARGO_TARGET_DIR:-target}
out=$target/packages
tools=${PODMAN_BOOTC_PACKAGE_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/podman-bootc-package-tools}/$DEB-$RPM
profile=${PACKAGES_PROFILE:-release}
case $profile in dev) built=$target/debug ;; *) built=$target/$profile ;; esac
mirror=${PACKAGES_MIRROR:-http://deb.debian.org/debian}

say() { echo "packages: $*"; }

# Prints a command and runs it.
step() {
    echo "packages: \$ $*"
    "$@"
}

build() {
    # They only pack: a fast build counts for more than a fast program.
    if [ ! -x "$tools/bin/cargo-generate-rpm" ]; then
        CARGO_PROFILE_DEV_DEBUG=0 cargo install --locked --debug --root "$tools" "cargo-deb@$DEB"
        CARGO_PROFILE_DEV_DEBUG=0 cargo install --locked --debug --root "$tools" "cargo-generate-rpm@$RPM"
    fi
    cargo build --profile "$profile" --locked
    rm -rf "$out"
    mkdir -p "$out"
    local deb=() rpm=()
    case $(uname -m) in
    aarch64) deb=(--variant arm64) rpm=(--variant aarch64) ;;
    esac
    # The tools pack target/release: this is a folder like it, for any profile.
    mkdir -p "$out/stage/release"
    strip -o "$out/stage/release/podman-bootc" "$built/podman-bootc"
    CARGO_TARGET_DIR=$out/stage "$tools/bin/cargo-deb" deb --no-build --no-strip --locked --output "$out/" "${deb[@]}"
    "$tools/bin/cargo-generate-rpm" generate-rpm --target-dir "$out/stage" --output "$out/" "${rpm[@]}"
    rm -r "$out/stage"
}

# The files of both packages, but for documents.
files="/usr/bin/podman-bootc
/usr/share/bash-completion/completions/podman-bootc
/usr/share/fish/vendor_completions.d/podman-bootc.fish
$(for page in docs/man/*.1; do echo "/usr/share/man/man1/${page##*/}"; done)"

# has LIST FILE...: fails for a file that the list lacks.
has() {
    local list=$1 file
    shift
    for file in $files "$@"; do
        grep -qxE "\.?$file(\.gz)?" <<<"$list" || { say "no $file"; return 1; }
    done
}

test_deb() {
    local deb root archive
    deb=$(ls "$out"/*.deb)
    has "$(dpkg-deb --fsys-tarfile "$deb" | tar -t)" /usr/share/zsh/vendor-completions/_podman-bootc \
        /usr/share/doc/podman-bootc/copyright
    if command -v lintian >/dev/null; then
        # The history is CHANGELOG.md, and libyaml is a crate.
        local accepted=no-changelog,wrong-name-for-upstream-changelog,embedded-library
        accepted+=,debian-changelog-file-missing-or-wrong-name
        step lintian --fail-on error,warning --suppress-tags $accepted "$deb"
    fi

    folder=$(mktemp -d "$PWD/$target/packages-test.XXXXXX")
    trap 'rm -rf --one-file-system "$folder"' EXIT
    root=$folder/root
    say "making a Debian 13 of essential packages and apt"
    cp "$deb" "$folder/podman-bootc.deb"
    unshare --mount mmdebstrap --quiet --variant=apt --aptopt='Acquire::Retries "3"' --dpkgopt=force-unsafe-io \
        --customize-hook="upload '$folder/podman-bootc.deb' /podman-bootc.deb" \
        --customize-hook='chroot "$1" apt-get install -q -y --no-install-recommends /podman-bootc.deb' \
        trixie "$root" "$mirror"
    archive=$root/image.tar
    podman save --quiet --format oci-archive --output "$archive" "${TEST_IMAGE:-localhost/podman-bootc-test:latest}"
    export -f main_job
    unshare --mount --pid --fork --kill-child bash -euc 'main_job "$@"' main_job "$root"
}

# Uses the installed package, as root in a chroot. Its namespaces end all that it starts.
main_job() {
    local root=$1
    # podman needs a root that is a mount.
    mount --bind "$root" "$root"
    mount --rbind --make-rslave /dev "$root/dev"
    mount --rbind --make-rslave /sys "$root/sys"
    mount -t proc proc "$root/proc"
    mount -t tmpfs tmpfs "$root/tmp"
    mount -t tmpfs tmpfs "$root/run"
    run() {
        echo "packages: \$ $*"
        env -i HOME=/root PATH=/usr/sbin:/usr/bin TERM=dumb LANG=C.UTF-8 chroot "$root" "$@"
    }
    run podman-bootc --version
    run podman-bootc doctor
    run podman-bootc run --rm --ephemeral oci-archive:/image.tar \
        'cat /usr/lib/os-release && systemctl is-system-running --wait'
    [ -z "$(run podman-bootc list --quiet | grep -v '^packages:')" ]
    run sh -c 'COMPLETE=$(podman-bootc internal-complete fish -- podman-bootc ru) && [ "${COMPLETE%%	*}" = run ]'
    run apt-get purge -q -y podman-bootc
    [ ! -e "$root/usr/bin/podman-bootc" ]
}

test_rpm() {
    local rpm root list
    rpm=$(ls "$out"/*.rpm)
    list=$(rpm -qlp "$rpm")
    has "$list" /usr/share/zsh/site-functions/_podman-bootc /usr/share/licenses/podman-bootc/LICENSE
    rpm -qp --requires "$rpm" | grep -qx 'podman >= 4.3'
    step rpm --checksig --nosignature "$rpm"
    root=$(mktemp -d)
    # The root has no other package, so that dependencies can't be met.
    step rpm --root "$root" --initdb
    step rpm --root "$root" --install --nodeps --ignorearch "$rpm"
    step rpm --root "$root" --verify --nodeps podman-bootc
    "$root/usr/bin/podman-bootc" --version
    step rpm --root "$root" --erase podman-bootc
    [ ! -e "$root/usr/bin/podman-bootc" ]
    rm -rf "$root"
}

start=$SECONDS
[ $# -gt 0 ] || set -- build test
for part in "$@"; do
    case $part in
    build) build ;;
    test)
        test_rpm
        test_deb
        ;;
    *) echo "packages.sh: no part $part" >&2 && exit 2 ;;
    esac
    say "$part: passed after $((SECONDS - start)) s"
done
