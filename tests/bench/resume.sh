#!/usr/bin/env bash
# tests/bench/resume.sh [PAIRS] [CPUS] [MEMORY]: measures warm against cold starts of VMs without and with a disk, and the
# memory of VMs that resumed from one template. `make bench` calls it, and builds the tool and the test image first.
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

# The memory of all processes of VMs, without what they share with others. MiB.
memory() {
    local pid
    for pid in $(pgrep --full -- "$scratch"); do
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
