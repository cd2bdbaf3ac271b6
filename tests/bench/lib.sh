# Common functions of the measurements, which source this. The two sides of a comparison take turns, so that a busy
# machine slows both. The tool has folders of its own here; the cache stays for the next time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
image=localhost/podman-bootc-test
tool=$(realpath "${CARGO_TARGET_DIR:-target}/release/podman-bootc")

export XDG_CACHE_HOME=$PWD/target/bench-cache
scratch=$(mktemp -d)
export XDG_DATA_HOME=$scratch/data XDG_RUNTIME_DIR=$scratch
mkdir -p "$XDG_CACHE_HOME" "$XDG_DATA_HOME"
# Processes to end when a measurement breaks off.
background=()
finish() {
    local pid
    for pid in "${background[@]}"; do kill -9 "$pid" 2>/dev/null || true; done
    "$tool" rm --all --force >/dev/null 2>&1 || true
    if declare -F tidy >/dev/null; then tidy; fi
    rm -rf "$scratch"
}
trap finish EXIT

elapsed_since() {
    echo $(((${EPOCHREALTIME/./} - ${1/./}) / 1000))
}

# Prints the milliseconds that a command takes.
time_of() {
    local start=$EPOCHREALTIME
    "$@" >/dev/null 2>>"$scratch/log" || { echo "failed: $*" >&2; cat "$scratch/log" >&2; return 1; }
    elapsed_since "$start"
}

# Notes a figure: keep NAME NUMBER. Without a number, its measurement has failed.
keep() {
    [ "$2" ] || exit 1
    echo "$2" >>"$scratch/figures-$1"
}

# median smallest largest count, of the figures of a name.
summary() {
    sort -n "$scratch/figures-$1" | awk '{ v[NR] = $1 } END {
        m = NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2
        print m, v[1], v[NR], NR }'
}

heading() {
    printf '\n%-48s %10s %10s %10s %6s\n' "$1" median smallest largest runs
}

# row TEXT NAME
row() {
    # shellcheck disable=SC2046
    printf '%-48s %10s %10s %10s %6s\n' "$1" $(summary "$2")
}

# ratio TEXT NAME NAME: of the medians
ratio() {
    echo "$(summary "$2") $(summary "$3")" | awk -v text="$1" '{ printf "%s: %.3f\n", text, $1 / $5 }'
}

# A forwarded port accepts connections before the guest does, so that a login waits for the server's first bytes.
# logged_in PORT KEY
logged_in() {
    local banner=
    { exec 3<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || return
    read -r -t 1 -n 4 -u 3 banner || true
    exec 3>&-
    [ "$banner" = SSH- ] && ssh -F none -i "$2" -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=no \
        -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -p "$1" root@127.0.0.1 true
}
