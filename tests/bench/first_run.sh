#!/usr/bin/env bash
# tests/bench/first_run.sh OTHER [ROUNDS]: compares this build of the tool with the build OTHER: the time until QEMU runs, for the
# first run of an image without a disk, for an edited image and for a known one. The caches are empty before each round.
set -e
other=$(realpath "$1")
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
edited=localhost/podman-bootc-bench:edited
tidy() { podman rmi --force $edited >/dev/null 2>&1 || true; }
printf 'FROM %s\nRUN echo edited >/usr/share/edited\n' $image | podman build --quiet --network none --tag $edited - >/dev/null

for ((round = 1; round <= ${2:-3}; round++)); do
    for side in other now; do
        program=$tool
        [ $side = now ] || program=$other
        export XDG_CACHE_HOME=$scratch/$side-$round
        for step in first edited known; do
            from=$image
            [ $step != edited ] || from=$edited
            keep "$step-$side" "$(time_of "$program" run --quiet --ephemeral --detach --accel tcg --name start $from)"
            "$program" rm --force start >/dev/null
        done
        rm -rf "$XDG_CACHE_HOME"
    done
done

heading "run --ephemeral --detach, with QEMU's start, ms"
for step in first edited known; do
    row "$step image, $other" $step-other
    row "$step image" $step-now
    ratio "$step image, now / before" $step-now $step-other
done
