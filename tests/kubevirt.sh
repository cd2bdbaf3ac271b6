#!/bin/sh
# kubevirt.sh: compares what `generate kubevirt` writes with KubeVirt's own types, by the TypeScript compiler. It needs
# node and npm, and installs packages of pinned versions below target/.
set -eu
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/kubevirt"
folder=$(cd "$target/kubevirt" && pwd)
cp tests/kubevirt/package.json tests/kubevirt/package-lock.json tests/kubevirt/check.mjs "$folder/"
PODMAN_BOOTC_KUBEVIRT_OBJECTS=$folder/objects.json \
    cargo nextest run --all-features --lib -E 'test(=cli::generate::tests::each_flag_is_said_in_its_place)'
golden=$PWD/tests/kubevirt
cd "$folder"
# The network may fail once.
install="npm ci --ignore-scripts --no-audit --no-fund --loglevel=error"
$install || { sleep 5 && $install; }
node check.mjs objects.json "$golden"
