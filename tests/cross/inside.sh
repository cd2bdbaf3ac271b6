#!/usr/bin/env bash
# What tests/cross.sh runs in its Debian.
set -euo pipefail
cd /src

export HOME=/tmp CARGO_HOME=/tmp/cargo CARGO_TARGET_DIR=/build
export SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt CARGO_NET_RETRY=5 CARGO_TERM_PROGRESS_WHEN=never
# These Rust targets come without a standard library: it is built from its source, which only nightly may, by itself.
export RUSTC_BOOTSTRAP=1
# Nobody looks into these programs with a debugger.
export CARGO_PROFILE_DEV_DEBUG=0 CARGO_INCREMENTAL=0

windows() {
    local target=x86_64-pc-windows-gnu
    export WINEPREFIX=/tmp/wine WINEDEBUG=-all CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER=/usr/lib/wine/wine64
    cargo test --locked --no-fail-fast -Zbuild-std --target $target
    sshd
    cargo test --locked -Zbuild-std --target $target --test login
}

# An OpenSSH server on loopback, for tests/login.rs.
sshd() {
    local folder=/tmp/ssh log=/tmp/ssh/log
    mkdir $folder
    for kind in ed25519 ecdsa rsa; do
        ssh-keygen -q -t $kind -N '' -f "$folder/$kind"
    done
    : >$folder/authorized
    printf '%s\n' 'ListenAddress 127.0.0.1' 'PidFile none' 'UsePAM no' 'StrictModes no' 'MaxStartups 100' \
        'PermitRootLogin yes' "AuthorizedKeysFile $folder/authorized" "HostKey $folder/ed25519" \
        "HostKey $folder/ecdsa" "HostKey $folder/rsa" >$folder/config
    export TEST_SSHD_USER=root TEST_SSHD_KEYS=$folder/authorized
    # Someone may have the port.
    for TEST_SSHD_PORT in 22022 22122 22222 22322; do
        /usr/sbin/sshd -D -f $folder/config -p "$TEST_SSHD_PORT" -E $log &
        for _ in $(seq 100); do
            if grep -q 'Server listening' $log 2>/dev/null; then
                export TEST_SSHD_PORT
                return
            fi
            sleep 0.05
        done
    done
    cat $log >&2
    return 1
}

checks() {
    # Nothing is linked, so that nothing needs the system's own compiler.
    local stub=/src/tests/cross/no-cc
    local target=x86_64-pc-windows-msvc
    export "CC_${target//-/_}=$stub" "AR_${target//-/_}=$stub"
    cargo clippy --locked -Zbuild-std --all-targets --target $target -- -D warnings
}

[ $# -gt 0 ] || set -- windows checks
for part in "$@"; do
    start=$SECONDS
    $part
    echo "cross: $part passed after $((SECONDS - start)) s"
done
