#!/usr/bin/env bash
# install.sh: installs a release of podman-bootc and the programs that it needs on a GitHub runner with Ubuntu.
# INPUT_VERSION, ACTION_REF and ACTION_REPOSITORY come from action.yml.
set -euo pipefail

version=${INPUT_VERSION-}
[ "$version" != none ] || exit 0
[ -n "$version" ] || case ${ACTION_REF-} in v[0-9]*.[0-9]*.[0-9]*) version=$ACTION_REF ;; esac

case $(uname -m) in
x86_64) packages="qemu-system-x86 ovmf" ;;
aarch64) packages="qemu-system-arm qemu-efi-aarch64" ;;
*) echo "::error::no release for $(uname -m)"; exit 1 ;;
esac
file=podman-bootc-linux-$(uname -m)

folder=$RUNNER_TEMP/podman-bootc
mkdir -p "$folder"
# An empty version is the newest release.
gh release download ${version:+"$version"} --repo "$ACTION_REPOSITORY" --dir "$folder" --clobber \
    --pattern "$file" --pattern SHA256SUMS
(cd "$folder" && grep -E " [*]?$file\$" SHA256SUMS | sha256sum --check --quiet)
mv "$folder/$file" "$folder/podman-bootc"
chmod +x "$folder/podman-bootc"
echo "$folder" >>"$GITHUB_PATH"

sudo apt-get update --quiet
# shellcheck disable=SC2086
sudo apt-get install --quiet --yes --no-install-recommends podman $packages qemu-utils erofs-utils openssh-client

# The device belongs to root and a group that the runner's user is not in.
if [ -e /dev/kvm ] && [ ! -w /dev/kvm ]; then
    sudo chmod a+rw /dev/kvm
fi
