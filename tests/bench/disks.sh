#!/usr/bin/env bash
# tests/bench/disks.sh [PAIRS]: measures `disk` against `qemu-img convert` of the same base disk with a gigabyte of data.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pairs=${1:-5}

large=localhost/podman-bootc-bench:large
podman image exists $large ||
    printf 'FROM %s\nRUN head -c 800M /dev/urandom >/usr/share/large\n' $image |
        podman build --quiet --network none --tag $large - >/dev/null
"$tool" disk --quiet $large "$scratch/first.qcow2"
base=$(find "$XDG_CACHE_HOME/podman-bootc/disks" -name disk.raw -newer "$scratch" | head -n 1)
[ -n "$base" ] || base=$(du -s "$XDG_CACHE_HOME"/podman-bootc/disks/*/disk.raw | sort -n | tail -n 1 | cut -f 2)

# The dirty pages of the last measurement must not slow the next one.
settled() {
    rm -f "$scratch"/{ours,theirs}
    sync
    time_of "$@"
}

for ((pair = 1; pair <= pairs; pair++)); do
    for format in qcow2 raw; do
        keep "hand-$format" "$(settled sh -c 'qemu-img convert -W -f raw -O "$1" "$2" "$3" && sync "$3"' - $format "$base" "$scratch/theirs")"
        keep "tool-$format" "$(settled "$tool" disk --quiet --format $format $large "$scratch/ours")"
    done
done

heading "milliseconds"
for format in qcow2 raw; do
    row "qemu-img convert -O $format, and sync" hand-$format
    row "podman-bootc disk --format $format" tool-$format
done
ratio "disk to qemu-img convert, qcow2" tool-qcow2 hand-qcow2
ratio "disk to qemu-img convert, raw" tool-raw hand-raw
