#!/usr/bin/env bash
# tests/bench/direct.sh [ROUNDS]: measures the time to a login for three ways to boot one image, the tool's own time
# before QEMU starts (with a known image and after an edit), and the memory of two of the ways.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
rounds=${1:-3}

base=localhost/podman-bootc-bench:base
edited=localhost/podman-bootc-bench:edited
podman image exists $base ||
    printf 'FROM %s\nRUN head -c 320M /dev/urandom >/usr/share/large\n' $image |
        podman build --quiet --network none --tag $base - >/dev/null

tidy() {
    podman image unmount $base >/dev/null 2>&1 || true
    podman rmi --force $edited >/dev/null 2>&1 || true
}

# By hand: the image's own compressed kernel, its initramfs with our first program (its own can't mount virtiofs), and its
# root as virtiofsd serves it by default.
root=$(podman image mount $base)
kernel=$(echo "$root"/usr/lib/modules/*/vmlinuz)
"$tool" run --quiet --ephemeral --accel tcg $base true
initramfs=$(echo "$XDG_CACHE_HOME/podman-bootc/roots/boot/$(podman image inspect --format '{{.Id}}' $base)"-*/initramfs)
ssh-keygen -q -t ed25519 -N '' -f "$scratch/key"
credential=$(printf 'd /root/.ssh 0700 root root\nf+~ /root/.ssh/authorized_keys 0600 root root - %s\n' \
    "$(base64 -w0 <"$scratch/key.pub")" | base64 -w0)
port=$((20000 + $$ % 10000))
by_hand() {
    local start=$EPOCHREALTIME
    virtiofsd --socket-path="$scratch/fs" --shared-dir "$root" --readonly --xattr >"$scratch/virtiofsd" 2>&1 &
    background=($!)
    until [ -S "$scratch/fs" ]; do sleep 0.02; done
    qemu-system-x86_64 -M q35,memory-backend=mem,sata=off -accel tcg -cpu max -smp 2 -m 2G -nodefaults -display none \
        -object memory-backend-memfd,id=mem,size=2G,share=on -serial "file:$scratch/console" \
        -chardev socket,id=fs,path="$scratch/fs" -device vhost-user-fs-pci,chardev=fs,tag=virtiofs \
        -netdev user,id=net,hostfwd=tcp:127.0.0.1:$port-:22 -device virtio-net-pci,netdev=net,romfile= \
        -device virtio-rng-pci -smbios "type=11,value=io.systemd.credential.binary:tmpfiles.extra=$credential" \
        -kernel "$kernel" -initrd "$initramfs" \
        -append 'rdinit=/podman-bootc/init console=ttyS0 podman-bootc.root=virtiofs systemd.gpt_auto=0' &
    background+=($!)
    until logged_in $port "$scratch/key"; do
        kill -0 "${background[1]}" || return 1
        sleep 0.1
    done
    by_hand=$(elapsed_since "$start")
    memory=$(peak "${background[@]}")
    kill -9 "${background[@]}" 2>/dev/null || true
    wait "${background[@]}" 2>/dev/null || true
    background=()
    rm -f "$scratch/fs"
}

# Prints the peak memory of processes in MiB.
peak() {
    local pid
    for pid in "$@"; do cat "/proc/$pid/status"; done 2>/dev/null | awk '/^VmHWM:/ { sum += $2 } END { print int(sum / 1024) }'
}

"$tool" disk --quiet $base "$scratch/warm.qcow2" && rm "$scratch/warm.qcow2"
for ((round = 1; round <= rounds; round++)); do
    by_hand
    keep by-hand "$by_hand"
    keep memory-by-hand "$memory"
    keep ephemeral "$(time_of "$tool" run --ephemeral --accel tcg $base true)"
    keep virtiofs "$(time_of "$tool" run --ephemeral --root-transport virtiofs --accel tcg $base true)"
    keep warm "$(time_of "$tool" run --rm --accel tcg $base true)"
    "$tool" run --quiet --ephemeral --detach --accel tcg --name memory $base >/dev/null
    "$tool" ssh memory true
    # shellcheck disable=SC2046
    keep memory-ephemeral "$(peak $(pgrep --full 'internal-supervise memory') $(pgrep --full -- '-name guest=memory,'))"
    "$tool" rm --force memory >/dev/null
    echo "round $round: by hand $by_hand ms" >&2
done

for ((round = 1; round <= 5; round++)); do
    keep unchanged "$(time_of "$tool" run --quiet --ephemeral --detach --accel tcg --name start $base)"
    "$tool" rm --force start >/dev/null
    printf 'FROM %s\nRUN echo %s >/usr/share/edited\n' $base "$round-$EPOCHREALTIME" |
        podman build --quiet --network none --tag $edited - >/dev/null
    keep edited "$(time_of "$tool" run --quiet --ephemeral --detach --accel tcg --name start $edited)"
    "$tool" rm --force start >/dev/null
    # Both times above include QEMU's start; this is that start alone.
    keep qemu "$(time_of sh -c 'echo q | qemu-system-x86_64 -M q35,sata=off -accel tcg -cpu max -nodefaults -display none -monitor stdio -S')"
done

heading "from the command to a login, milliseconds"
row "QEMU by hand, root over virtiofs" by-hand
row "run --ephemeral" ephemeral
row "run --ephemeral --root-transport virtiofs" virtiofs
row "run --rm, base disk present" warm
ratio "run --ephemeral to by hand" ephemeral by-hand
heading "run --detach, QEMU's own start included, ms"
row "image unchanged" unchanged
row "one file changed above 500 MB" edited
row "QEMU's start alone" qemu
heading "memory at the most, MiB"
row "by hand: QEMU and virtiofsd" memory-by-hand
row "run --ephemeral: QEMU and supervisor" memory-ephemeral
