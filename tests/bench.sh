#!/usr/bin/env bash
# tests/bench.sh [PAIRS]: measures what docs/performance.md tells; 5 pairs by default. Called by `make bench`, which
# builds the tool and the test image first. The two sides of a comparison take turns, so that a busy machine slows both.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
pairs=${1:-5}
image=localhost/podman-bootc-test
tool=${CARGO_TARGET_DIR:-target}/release/podman-bootc
tool=$(realpath "$tool")

# Its own folders; the cache stays for the next time.
export XDG_CACHE_HOME=$PWD/target/bench-cache
scratch=$(mktemp -d)
export XDG_DATA_HOME=$scratch/data XDG_RUNTIME_DIR=$scratch
mkdir -p "$XDG_CACHE_HOME" "$XDG_DATA_HOME"
qemu=
finish() {
    [ -z "$qemu" ] || kill -9 "$qemu" 2>/dev/null || true
    "$tool" rm --all --force >/dev/null 2>&1 || true
    rm -rf "$scratch"
}
trap finish EXIT

# Milliseconds that a command takes.
time_of() {
    local start=$EPOCHREALTIME
    "$@" >/dev/null 2>>"$scratch/log" || { echo "failed: $*" >&2; cat "$scratch/log" >&2; return 1; }
    elapsed_since "$start"
}

elapsed_since() {
    echo $(((${EPOCHREALTIME/./} - ${1/./}) / 1000))
}

# median smallest largest count, of numbers on standard input
summary() {
    sort -n | awk '{ v[NR] = $1 } END {
        m = NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2
        print m, v[1], v[NR], NR }'
}

row() {
    local name=$1
    shift
    printf '%-40s %10s %10s %10s %6s\n' "$name" "$@"
}

# The model: a VM that the tool made, its command line, and its keys.
"$tool" run --detach --name model $image >/dev/null
folder=$("$tool" inspect --format '{{.folder}}' model)
id=$("$tool" inspect --format '{{.id}}' model)
port=$("$tool" inspect --format '{{.SshPort}}' model)
base=$XDG_CACHE_HOME/podman-bootc/disks/$("$tool" inspect --format '{{.spec.source.base}}' model)/disk.raw
pid=$(pgrep --full -- "-name guest=model,")
mapfile -d '' -t model <"/proc/$pid/cmdline"
"$tool" stop --time 0 model >/dev/null

# The same command line, with files of its own, nobody at its sockets, and its port forwarded from the start.
hand=$scratch/hand
words=()
variables=
for word in "${model[@]}"; do
    case $word in
    *OVMF_CODE*) variables=$(sed -E 's/.*"filename":"([^"]*OVMF_CODE[^"]*)".*/\1/; s/OVMF_CODE/OVMF_VARS/' <<<"$word") ;;
    socket,*) word=$(sed -E "s|path=.*/|path=$hand/|; s|\$|,server=on,wait=off|" <<<"$word") ;;
    user,id=*) word=$word,hostfwd=tcp:127.0.0.1:$port-:22 ;;
    esac
    words+=("${word//"$folder"/$hand}")
done

# Starts it on a fresh overlay, and returns when `true` has run in it.
by_hand() {
    rm -rf "$hand"
    mkdir "$hand"
    qemu-img create -q -f qcow2 -F raw -b "$base" "$hand/overlay.qcow2"
    [ -z "$variables" ] || cp "$variables" "$hand/vars.fd"
    local start=$EPOCHREALTIME
    "${words[@]}" </dev/null >"$hand/console" 2>"$hand/log" &
    qemu=$!
    until logged_in; do
        kill -0 $qemu || { cat "$hand/log" >&2; return 1; }
        sleep 0.1
    done
    by_hand=$(elapsed_since "$start")
    kill -9 $qemu
    wait $qemu 2>/dev/null || true
    qemu=
}

# A forwarded port takes connections before the guest does: only a server that speaks is worth a login.
logged_in() {
    local banner=
    { exec 3<>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null || return
    read -r -t 1 -n 4 -u 3 banner || true
    exec 3>&-
    [ "$banner" = SSH- ] && ssh -F none -i "$folder/id_ed25519" -o IdentitiesOnly=yes -o BatchMode=yes \
        -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -p "$port" root@127.0.0.1 true
}

for ((pair = 1; pair <= pairs; pair++)); do
    by_hand
    run=$(time_of "$tool" run --rm $image true)
    start=$(time_of "$tool" run --detach --name start $image)
    "$tool" rm --force start >/dev/null
    echo "pair $pair: by hand $by_hand ms, run --rm $run ms, run --detach $start ms" >&2
    echo "$by_hand" >>"$scratch/by-hand"
    echo "$run" >>"$scratch/run"
    echo "$start" >>"$scratch/start"
done

# A hundred VMs that differ in name and ID.
many=$scratch/many
vms=$many/podman-bootc/vms
mkdir -p "$vms"
for number in $(seq -w 100); do
    mkdir "$vms/vm$number"
    sed -e "s/\"name\": \"model\"/\"name\": \"vm$number\"/" -e "s/\"$id\"/\"${id:0:9}$number\"/" "$folder/vm.json" \
        >"$vms/vm$number/vm.json"
    cp "$folder/state.json" "$vms/vm$number/"
    truncate -s 200K "$vms/vm$number/overlay.qcow2"
done
[ "$(XDG_DATA_HOME=$many "$tool" list --format '{{.state}}' | grep -c stopped)" = 100 ]
for _ in $(seq 20); do
    XDG_DATA_HOME=$many time_of "$tool" list >>"$scratch/list"
done

echo
row "milliseconds" median smallest largest runs
# shellcheck disable=SC2046
{
    row "QEMU by hand, to the first login" $(summary <"$scratch/by-hand")
    row "podman-bootc run --rm IMAGE true" $(summary <"$scratch/run")
    row "podman-bootc run --detach, to QEMU's start" $(summary <"$scratch/start")
    row "podman-bootc list, 100 stopped VMs" $(summary <"$scratch/list")
}
echo "$(summary <"$scratch/run") $(summary <"$scratch/by-hand")" | awk '{ printf "run --rm to QEMU by hand: %.3f\n", $1 / $5 }'
