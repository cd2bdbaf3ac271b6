#!/usr/bin/env bash
# tests/bench/watch.sh [ROUNDS] [SECONDS]: measures the watch loop from an edit to "checks passed" against a build and a cold boot
# with the same check, in turn; and the idle loop's processor time and memory with a context of 50,000 files. `make bench`
# calls it, and builds the tool and the test image first.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
rounds=${1:-3} seconds=${2:-60}
label=podman-bootc.bench-watch=1
tidy() {
    # shellcheck disable=SC2046
    podman rmi --force $(podman images --quiet --no-trunc --filter label=$label) >/dev/null 2>&1 || true
}

context() {
    mkdir "$scratch/$1"
    printf 'FROM %s\nLABEL %s\nCOPY file /usr/share/edited\n' $image $label >"$scratch/$1/Containerfile"
    edit "$1"
}
edit() {
    echo "$EPOCHREALTIME" >"$scratch/$1/file"
}

# by_hand FOLDER: a build and a cold boot with the check.
by_hand() {
    podman build --quiet --network none --tag localhost/podman-bootc-bench:watch "$scratch/$1" &&
        "$tool" run --quiet --rm --ephemeral --cold --accel tcg localhost/podman-bootc-bench:watch cat /usr/share/edited
}

# Waits for the cycle with a number, and sets `cycle` to its event.
cycle() {
    until cycle=$(grep '"event":"cycle"' "$scratch/events" | sed -n "$1p") && [ -n "$cycle" ]; do
        kill -0 "${background[0]}" || return 1
        sleep 0.05
    done
}
# field NAME EVENT: a number in milliseconds; of several, the last one's.
field() {
    sed -E "s/.*\"$1\":([0-9.]+).*/\1/" <<<"$2" | awk '{ print int($1 * 1000) }'
}

context loop
context hand
by_hand hand >/dev/null
"$tool" watch --format json --ephemeral --accel tcg --network none "$scratch/loop" -- cat /usr/share/edited \
    >"$scratch/events" 2>"$scratch/log" &
background=($!)
cycle 1
for ((round = 1; round <= rounds; round++)); do
    start=$EPOCHREALTIME
    edit loop
    cycle $((round + 1))
    keep loop "$(elapsed_since "$start")"
    [[ $cycle == *'"outcome":"passed"'* ]] || { echo "$cycle" >&2; exit 1; }
    keep build "$(field build_seconds "$cycle")"
    keep vm "$(field 'action":"[a-z-]*","seconds' "$cycle")"
    keep checks "$(field 'failures":\[\],"seconds' "$cycle")"
    edit hand
    keep hand "$(time_of by_hand hand)"
    echo "round $round: $cycle" >&2
done
kill -INT "${background[0]}"
wait "${background[0]}" 2>/dev/null || true
background=()

heading "from an edit to the end of the check, milliseconds"
row "podman build, and run --ephemeral --cold" hand
row "watch" loop
row "watch: the build" build
row "watch: the VM comes to the image" vm
row "watch: the check" checks
ratio "watch to build and cold boot" loop hand
[ "$seconds" != 0 ] || exit 0

# The builder fails, so that no VM runs: the process is the loop alone.
mkdir "$scratch/many"
for folder in $(seq 500); do
    mkdir "$scratch/many/$folder"
    (cd "$scratch/many/$folder" && touch $(seq 100))
done
idle() {
    local way=$1 before after
    shift
    "$tool" watch "$@" --build false -t localhost/none "$scratch/many" >"$scratch/events" 2>&1 &
    background=($!)
    until grep -q 'build failed' "$scratch/events"; do sleep 0.1; done
    before=$(awk '{ print $14 + $15 }' "/proc/${background[0]}/stat")
    sleep "$seconds"
    after=$(awk '{ print $14 + $15 }' "/proc/${background[0]}/stat")
    keep "idle-$way" $(((after - before) * 1000 / $(getconf CLK_TCK) / seconds))
    keep "memory-$way" "$(awk '/^VmHWM:/ { print int($2 / 1024) }' "/proc/${background[0]}/status")"
    kill -INT "${background[0]}"
    wait "${background[0]}" 2>/dev/null || true
    background=()
}
idle events
idle polling --poll

heading "idle with 50,000 files"
row "events: processor time, thousandths" idle-events
row "events: memory at the most, MiB" memory-events
row "polling: processor time, thousandths" idle-polling
row "polling: memory at the most, MiB" memory-polling
