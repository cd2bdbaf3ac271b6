#!/usr/bin/env bash
# tests/cross.sh runs this in its Debian.
set -euo pipefail
cd /src

export HOME=/tmp CARGO_HOME=/tmp/cargo CARGO_TARGET_DIR=/build
export SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt CARGO_NET_RETRY=5 CARGO_TERM_PROGRESS_WHEN=never
# These Rust targets come without a standard library. cargo builds it from source, which needs this variable outside
# nightly.
export RUSTC_BOOTSTRAP=1
# Without this, insta runs cargo to find its snapshots, which fails under wine.
export INSTA_WORKSPACE_ROOT=/src
# No debugger reads these programs.
export CARGO_PROFILE_DEV_DEBUG=0 CARGO_INCREMENTAL=0

# One set of features for all tests, so that nothing is built twice.
windows() {
    local target=x86_64-pc-windows-gnu
    export WINEPREFIX=/tmp/wine WINEDEBUG=-all CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER=/usr/lib/wine/wine64
    sshd
    cargo test --locked --no-fail-fast -Zbuild-std --target $target --features fakes \
        --lib --test generated --test host --test properties --test fake_hosts --test login
}

# Starts an OpenSSH server on loopback for tests/login.rs, once for all parts.
sshd() {
    [ -z "${TEST_SSHD_PORT-}" ] || return 0
    local folder=/tmp/ssh log=/tmp/ssh/log port
    mkdir $folder
    for kind in ed25519 ecdsa rsa; do
        ssh-keygen -q -t $kind -N '' -f "$folder/$kind"
    done
    : >$folder/authorized
    printf '%s\n' 'ListenAddress 127.0.0.1' 'PidFile none' 'UsePAM no' 'StrictModes no' 'MaxStartups 100' \
        'PermitRootLogin yes' "AuthorizedKeysFile $folder/authorized" "HostKey $folder/ed25519" \
        "HostKey $folder/ecdsa" "HostKey $folder/rsa" >$folder/config
    export TEST_SSHD_USER=root TEST_SSHD_KEYS=$folder/authorized
    # Another process may use the port.
    for port in 22022 22122 22222 22322; do
        /usr/sbin/sshd -D -f $folder/config -p $port -E $log &
        while kill -0 $! 2>/dev/null; do
            if grep -qs "Server listening on 127.0.0.1 port $port" $log; then
                export TEST_SSHD_PORT=$port
                return
            fi
            sleep 0.05
        done
    done
    cat $log >&2
    return 1
}

arm64() {
    local target=aarch64-unknown-linux-gnu
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
    emulate
    sshd
    cargo test --locked --no-fail-fast --target $target --features fakes \
        --lib --test generated --test host --test properties --test fake_hosts --test login
}

# Makes the kernel start arm64 programs with QEMU, for programs that start others. Before Linux 6.7 a namespace has no
# binfmt_misc of its own, and cross.sh has registered QEMU in the machine's.
emulate() {
    local folder=/proc/sys/fs/binfmt_misc
    mount -t binfmt_misc binfmt_misc $folder 2>/dev/null || return 0
    tests/cross/binfmt arm64 /usr/bin/qemu-aarch64 >$folder/register
}

macos() { lint aarch64-apple-darwin; }
msvc() { lint x86_64-pc-windows-msvc; }

# lint TARGET: clippy links nothing, so that it needs no compiler of that system.
lint() {
    local stub=/src/tests/cross/no-cc
    export "CC_${1//-/_}=$stub" "AR_${1//-/_}=$stub"
    cargo clippy --locked -Zbuild-std --all-targets --all-features --target "$1" -- -D warnings
}

# Leaves the programs in target/release-builds. The Linux programs are static, so that they run on every distribution.
release() {
    local out=target/release-builds wine=/usr/lib/wine/wine64
    # The oldest macOS that Rust supports; zig's default is newer.
    export CARGO_PROFILE_RELEASE_STRIP=symbols MACOSX_DEPLOYMENT_TARGET=11.0
    get_zig
    emulate
    rm -rf $out && mkdir -p $out
    # zig also brings musl's start files.
    build linux-x86_64 x86_64-unknown-linux-musl cargo-zigbuild -C link-self-contained=no
    build linux-aarch64 aarch64-unknown-linux-musl cargo-zigbuild -C link-self-contained=no
    # Debian has no program that strips these.
    build macos-aarch64 aarch64-apple-darwin cargo-zigbuild -C strip=none
    build windows-x86_64 x86_64-pc-windows-gnu cargo
    for arch in x86_64 aarch64; do
        alone $out/podman-bootc-linux-$arch
    done
    export WINEPREFIX=/tmp/wine WINEDEBUG=-all
    $wine $out/podman-bootc-windows-x86_64.exe --version
    $wine $out/podman-bootc-windows-x86_64.exe list
    (cd $out && sha256sum podman-bootc-* | tee SHA256SUMS)
}

# build OS-ARCH TARGET CARGO [FLAG...]
build() {
    local name=$1 target=$2 cargo=$3 suffix=
    shift 3
    [[ $name != windows-* ]] || suffix=.exe
    $cargo rustc --locked -Zbuild-std --release --bin podman-bootc --target "$target" -- "$@"
    cp "/build/$target/release/podman-bootc$suffix" "$out/podman-bootc-$name$suffix"
}

# Runs a program in a root that has no other file.
alone() {
    local root
    root=$(mktemp -d)
    mkdir "$root/tmp"
    cp "$1" "$root/podman-bootc"
    for command in --version list; do
        env -i HOME=/ /usr/sbin/chroot "$root" /podman-bootc $command
    done
    rm -r "$root"
}

# zig links for musl, and for macOS as long as the program needs no framework.
get_zig() {
    local tools=/build/zig-$ZIG-$ZIGBUILD
    export ZIG_GLOBAL_CACHE_DIR=/build/zig-cache ZIG_LOCAL_CACHE_DIR=/build/zig-cache
    export CARGO_ZIGBUILD_CACHE_DIR=/build/zig-cache/zigbuild
    export PYTHONPATH=$tools PATH=$tools/bin:$PATH
    if ! command -v pip >/dev/null; then
        apt-get -q update
        apt-get -q install -y --no-install-recommends python3-pip
    fi
    [ -d $tools ] && return
    rm -rf $tools.part
    pip install --root-user-action ignore --no-cache-dir --target $tools.part \
        "ziglang==$ZIG" "cargo-zigbuild==$ZIGBUILD"
    mv $tools.part $tools
}
ZIG=0.17.1 ZIGBUILD=0.24.1

# The build folder outlives the clone, and cargo compares the times of files: it would take the last build's programs for
# a clone that is older than that build. So only builds of dependencies are reused.
find /build -name '*podman[-_]bootc*' -prune -exec rm -rf {} +

for part in "$@"; do
    start=$SECONDS
    $part
    echo "cross: $part passed after $((SECONDS - start)) s"
done
