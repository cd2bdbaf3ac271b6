#!/usr/bin/env bash
# tests/bench/upgrade.sh [ROUNDS]: measures how a change of one file reaches a running system: by an upgrade of a VM with a disk,
# and by a fresh `run`, which installs and boots a new one, in turn. `make bench` calls it, and builds the tool and the test
# image first.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
rounds=${1:-3}
label=podman-bootc.bench-upgrade=1
name=localhost/podman-bootc-bench:upgrade
tidy() {
    # shellcheck disable=SC2046
    podman rmi --force $(podman images --quiet --no-trunc --filter label=$label) >/dev/null 2>&1 || true
    # The base disks of these images, too.
    "$tool" prune >/dev/null 2>&1 || true
}

# Gives the name another content: one more layer of 1 MiB.
build() {
    printf 'FROM %s:containers\nLABEL %s\nRUN echo %s >/usr/share/edited && head -c 1048576 /dev/urandom >/usr/share/mib\n' \
        $image $label "$1" | podman build --quiet --network none --tag $name - >/dev/null
}
fresh() {
    "$tool" run --quiet --rm --accel tcg --disk-size 4G $name grep -qx "$1" /usr/share/edited
}
upgrade() {
    "$tool" upgrade --quiet --format json --check "grep -qx $1 /usr/share/edited" upgraded >"$scratch/report"
}
# stage NAME: its milliseconds in the last report.
stage() {
    jq "[.seconds[] | select(.stage == \"$1\") | .seconds] | add * 1000 | floor" "$scratch/report"
}

build first
"$tool" run --quiet --detach --name upgraded --accel tcg --disk-size 4G $name
"$tool" wait upgraded
for ((round = 1; round <= rounds; round++)); do
    build "round-$round"
    keep upgrade "$(time_of upgrade "round-$round")"
    for part in pull reboot; do keep $part "$(stage $part)"; done
    keep fresh "$(time_of fresh "round-$round")"
    echo "round $round: $(jq -c . "$scratch/report")" >&2
done

heading "from a changed image to its check, milliseconds"
row "run: install, boot and check" fresh
row "upgrade: pull, reboot and check" upgrade
row "upgrade: the pull" pull
row "upgrade: the reboot" reboot
ratio "upgrade to a fresh run" upgrade fresh
