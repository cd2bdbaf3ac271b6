#!/bin/sh
# tests/setup.sh: installs what `make test` and `make demo` need on Debian 12 besides git, make and a Rust
# toolchain. A second run takes no time. It needs root when something is missing.
#
#   tests/setup.sh           the packages to build the tool and to boot VMs
#   tests/setup.sh --tests   also the tests' needs: virtiofsd, rootless containers, the test runner
set -eu

# For the build: a linker, and a C compiler for ring.
build="gcc libc6-dev ca-certificates"
# The programs that the tool runs.
run="podman runc qemu-system-x86 qemu-utils ovmf erofs-utils openssh-client"
# For the test image.
image="mmdebstrap debian-archive-keyring"
# For the tests; libcap-ng and libseccomp are for virtiofsd, which Debian 12 does not package. fish and csh are login
# shells that are not like sh, and zsh has a completion script. skopeo is a client of registries.
tests="zsh rpm fish csh skopeo uidmap fdisk mtools swtpm qemu-system-gui xvfb x11-utils qemu-system-arm qemu-efi-aarch64 qemu-user libcap-ng-dev libseccomp-dev"
# Debian 12's own QEMU crashes guests under multi-threaded TCG.
qemu_wanted=1:8

[ "${1-}" = --tests ] || tests=

missing() {
    for package in $build $run $image $tests; do
        version=$(dpkg-query -W -f '${db:Status-Status} ${Version}' "$package" 2>/dev/null) || version=
        case "$package $version" in
        qemu-efi-*" installed "*) ;;
        qemu-*" installed "*) dpkg --compare-versions "${version#* }" ge $qemu_wanted || echo "$package" ;;
        *" installed "*) ;;
        *) echo "$package" ;;
        esac
    done
}

# The network may fail once.
again() {
    "$@" || { sleep 5 && "$@"; }
}

install_packages() {
    export DEBIAN_FRONTEND=noninteractive
    again apt-get update -q
    . /etc/os-release
    if [ "$VERSION_CODENAME" = bookworm ]; then
        add_backports
        qemu=$(printf '%s\n' "$@" | grep '^qemu-' || true)
        # shellcheck disable=SC2086
        [ -z "$qemu" ] || get -t bookworm-backports $qemu
    fi
    get "$@"
}

get() {
    again apt-get install -q -y --no-install-recommends -o Acquire::Retries=3 "$@"
}

# Takes the mirror that apt uses already.
add_backports() {
    sources=$(apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages')
    echo "$sources" | grep -q '^bookworm-backports main ' && return
    mirror=$(echo "$sources" | sed -n 's/^bookworm main //p' | head -n 1)
    [ -n "$mirror" ] || { echo "setup.sh: apt has no source for bookworm main" >&2; exit 1; }
    echo "deb $mirror bookworm-backports main" >/etc/apt/sources.list.d/bookworm-backports.list
    again apt-get update -q
}

if ! command -v apt-get >/dev/null; then
    echo "setup.sh: no apt-get here; install by hand what \`podman-bootc doctor\` and $0 name" >&2
else
    wanted=$(missing)
    if [ -n "$wanted" ]; then
        echo "installing" $wanted
        # shellcheck disable=SC2086
        install_packages $wanted
    fi
fi

[ -n "$tests" ] || exit 0
# Only tests use these, so that a fast build counts for more than a fast program.
if ! command -v cargo-nextest >/dev/null; then
    again env CARGO_PROFILE_DEV_DEBUG=0 \
        cargo install cargo-nextest --locked --debug --no-default-features --features default-no-update
fi
if ! command -v virtiofsd >/dev/null && [ ! -e /usr/libexec/virtiofsd ]; then
    again env CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 \
        cargo install virtiofsd --version 1.13.2 --locked --root /usr/local
fi
