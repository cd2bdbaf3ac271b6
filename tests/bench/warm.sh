#!/usr/bin/env bash
# tests/bench/warm.sh [PAIRS]: measures `run` with an existing base disk against QEMU by hand on the same disk, and `list`
# with a hundred VMs. `make bench` calls it, and builds the tool and the test image first.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pairs=${1:-5}

# The model: a VM of the tool, its command line, and its keys.
"$tool" run --detach --name model $image >/dev/null
folder=$("$tool" inspect --format '{{.folder}}' model)
id=$("$tool" inspect --format '{{.id}}' model)
port=$("$tool" inspect --format '{{.SshPort}}' model)
base=$XDG_CACHE_HOME/podman-bootc/disks/$("$tool" inspect --format '{{.spec.source.base}}' model)/disk.raw
pid=$(pgrep --full -- "-name guest=model,")
mapfile -d '' -t model <"/proc/$pid/cmdline"
"$tool" stop --time 0 model >/dev/null

# The same command line with its own files, unused sockets, and a port that is forwarded from the start.
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

# Starts a VM on a fresh overlay, and returns when `true` has run in it.
by_hand() {
    rm -rf "$hand"
    mkdir "$hand"
    qemu-img create -q -f qcow2 -F raw -b "$base" "$hand/overlay.qcow2"
    [ -z "$variables" ] || cp "$variables" "$hand/vars.fd"
    local start=$EPOCHREALTIME
    "${words[@]}" </dev/null >"$hand/console" 2>"$hand/log" &
    background=($!)
    until logged_in "$port" "$folder/id_ed25519"; do
        kill -0 "${background[0]}" || { cat "$hand/log" >&2; return 1; }
        sleep 0.1
    done
    by_hand=$(elapsed_since "$start")
    kill -9 "${background[@]}"
    wait "${background[@]}" 2>/dev/null || true
    background=()
}

for ((pair = 1; pair <= pairs; pair++)); do
    by_hand
    run=$(time_of "$tool" run --rm $image true)
    start=$(time_of "$tool" run --detach --name start $image)
    "$tool" rm --force start >/dev/null
    echo "pair $pair: by hand $by_hand ms, run --rm $run ms, run --detach $start ms" >&2
    keep by-hand "$by_hand"
    keep run "$run"
    keep start "$start"
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
    keep list "$(XDG_DATA_HOME=$many time_of "$tool" list)"
done

heading "milliseconds"
row "QEMU by hand, to the first login" by-hand
row "podman-bootc run --rm IMAGE true" run
row "podman-bootc run --detach, to QEMU's start" start
row "podman-bootc list, 100 stopped VMs" list
ratio "run --rm to QEMU by hand" run by-hand
