#!/usr/bin/env bash
# tests/bench/resume.sh [PAIRS] [CPUS] [MEMORY]: measures warm against cold starts of VMs without and with a disk, a warm
# start against QEMU by hand, and the memory of VMs that resumed from one template. `make bench` calls it, and builds the
# tool and the test image first.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pairs=${1:-5} shape=(--cpus "${2:-2}" --memory "${3:-2G}")

# compare NAME FLAG...: the two starts in turn, with these flags of `run`.
compare() {
    local name=$1 start=("$tool" run --quiet --rm "${shape[@]}" "${@:2}") pair
    # With what both stand on: block images, or a base disk.
    "${start[@]}" --cold $image true >/dev/null
    keep "$name-first" "$(time_of "${start[@]}" --warm $image true)"
    for ((pair = 1; pair <= pairs; pair++)); do
        keep "$name-cold" "$(time_of "${start[@]}" --cold $image true)"
        keep "$name-warm" "$(time_of "${start[@]}" --warm $image true)"
    done
    heading "run --rm ${shape[*]} ${*:2} IMAGE true, in ms"
    row "cold" "$name-cold"
    row "warm, with a template" "$name-warm"
    row "warm, makes the template" "$name-first"
    ratio "cold / warm" "$name-cold" "$name-warm"
}

"$tool" prune >/dev/null 2>&1
compare diskless --ephemeral
compare disk

# A model's command line with its own files, QEMU's own sockets, and a port that is forwarded from the start.
hand=$scratch/hand
mkdir "$hand"
"$tool" run --quiet --ephemeral --detach --wait ssh --name model "${shape[@]}" --warm $image >/dev/null
folder=$("$tool" inspect --format '{{.folder}}' model)
port=$("$tool" inspect --format '{{.SshPort}}' model)
runtime=$XDG_RUNTIME_DIR/podman-bootc/$("$tool" inspect --format '{{.id}}' model)
cp "$folder"/id_ed25519* "$runtime"/credential* "$hand"
pid=$(pgrep --full -- "-name guest=model,")
while read -r -d '' word; do
    case $word in
    *mem-path=*) template=$(sed -E 's|.*mem-path=(.*)/memory,.*|\1|' <<<"$word") ;;
    socket,*) word=${word%,server=on*},server=on,wait=off ;;
    user,id=*) word=$word,hostfwd=tcp:127.0.0.1:$port-:22 ;;
    esac
    word=${word//"$runtime"/$hand}
    printf '%s\0' "${word//"$folder"/$hand}"
done <"/proc/$pid/cmdline" >"$hand/command"
"$tool" rm --force model >/dev/null
by_hand() {
    qemu-img create -q -f qcow2 -F qcow2 -b "$template/disk.qcow2" "$hand/overlay.qcow2"
    tests/bench/resume_by_hand.py "$hand/command" "$hand" "$template" "$port" "$hand/id_ed25519"
}
for ((pair = 1; pair <= pairs; pair++)); do
    keep by-hand "$(by_hand)"
    keep by-tool "$(time_of "$tool" run --quiet --rm "${shape[@]}" --ephemeral --warm $image true)"
done
heading "to the end of true, resumed from the same template, in ms"
row "QEMU by hand" by-hand
row "run --rm --ephemeral IMAGE true" by-tool
ratio "tool / by hand" by-tool by-hand

# The memory of all processes of VMs, without what they share with others. MiB.
memory() {
    local pid
    for pid in $(pgrep --full -- "$scratch|$tool .*internal-supervise"); do
        awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup" 2>/dev/null || true
    done | awk '{ sum += $1 } END { print int(sum / 1024) }'
}

heading "memory of VMs that are ready, in MiB"
for way in cold warm; do
    for count in 1 2 4 8; do
        [ $way$count != cold8 ] && [ $way$count != cold4 ] || continue
        for ((number = 1; number <= count; number++)); do
            "$tool" run --quiet --ephemeral --detach --wait ssh --name "$way$number" "${shape[@]}" "--$way" $image >/dev/null
        done
        keep "$way-$count" "$(memory)"
        row "$count VMs, $way" "$way-$count"
        "$tool" rm --all --force >/dev/null
    done
done
