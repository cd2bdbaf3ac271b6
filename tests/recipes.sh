#!/usr/bin/env bash
# recipes.sh: runs the recipes of docs/recipes.md: tmt, pytest-testinfra and Ansible with VMs of the test image, and the
# script of the GitHub Action in an imitation of a runner. It needs root, rsync, python3 with venv, what the test image
# needs, and the network, for packages of pinned versions. Everything is below target/recipes.
#
# PODMAN_BOOTC   the program (target/release/podman-bootc)
# PYTHON         the Python (python3); tmt 1.80 needs 3.12, with an older one it is tmt 1.78
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
repository=$PWD
program=$(realpath "${PODMAN_BOOTC:-target/release/podman-bootc}")
folder=${CARGO_TARGET_DIR:-$repository/target}/recipes
image=localhost/podman-bootc-recipes

for need in rsync ssh podman mmdebstrap; do
    command -v "$need" >/dev/null || { echo "recipes: $need is missing (Debian: make setup-tests; rsync)" >&2; exit 1; }
done
"${PYTHON:-python3}" -c 'import ensurepip' || { echo "recipes: install python3-venv" >&2; exit 1; }
[ -e "$folder/venv/bin/pip" ] || "${PYTHON:-python3}" -m venv "$folder/venv"
# The network may fail once.
install="$folder/venv/bin/pip install --quiet --disable-pip-version-check -r tests/recipes/requirements.txt"
$install || { sleep 5 && $install; }
rm -rf "$folder/plugin"
cp -r contrib/tmt "$folder/plugin"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --force-reinstall --no-deps "$folder/plugin"
tests/recipes/image.sh "$image" "$folder" >/dev/null

work=$(mktemp -d)
mkdir "$work/bin" "$work/home" "$work/run" "$work/tmt"
ln -s "$program" "$work/bin/podman-bootc"
# OpenSSH looks for the configuration in the user's home folder, and not in $HOME.
printf '#!/bin/sh\n[ ! -e "%s" ] || set -- -F "%s" "$@"\nexec %s "$@"\n' "$work/home/.ssh/config" \
    "$work/home/.ssh/config" "$(command -v ssh)" >"$work/bin/ssh"
chmod +x "$work/bin/ssh"
export PATH="$work/bin:$folder/venv/bin:$PATH" HOME=$work/home TMT_WORKDIR_ROOT=$work/tmt
export XDG_CACHE_HOME=$folder/cache XDG_DATA_HOME=$work/data XDG_RUNTIME_DIR=$work/run XDG_CONFIG_HOME=$work/config

clean() {
    for vm in $(podman-bootc list --format '{{.name}}' 2>/dev/null); do
        podman-bootc rm --force "$vm" >/dev/null || true
    done
    rm -rf "$work"
}
trap clean EXIT

mkdir "$work/project"
cd "$work/project"
python3 "$repository/tests/recipes/extract.py" "$repository/docs/recipes.md" .
find . -type f -exec sed -i "s|localhost/my-os|$image|" {} +
mkdir .fmf
echo 1 >.fmf/version

# recipe FILE [TEXT]: runs a recipe, whose output must have the text.
recipe() {
    local begin=$SECONDS
    bash -euo pipefail "$1" >"$work/log" 2>&1 || { cat "$work/log"; echo "recipes: $1 failed" >&2; exit 1; }
    if [ -n "${2-}" ] && ! grep -q -- "$2" "$work/log"; then
        cat "$work/log"
        echo "recipes: the output of $1 lacks: $2" >&2
        exit 1
    fi
    printf '%5d s  %s\n' $((SECONDS - begin)) "$1"
}

recipe tmt.sh '2 tests passed'
[ -z "$(podman-bootc list --format '{{.name}}')" ] || { echo "recipes: the plugin left its VM" >&2; exit 1; }

podman-bootc run --quiet --detach --wait ssh --name web --ephemeral "$image" >/dev/null
recipe testinfra.sh '2 passed'
recipe ansible.sh 'failed=0'
[ "$(podman-bootc ssh web cat /etc/greeting.conf)" = "greeting = hello" ]
recipe tmt-connect.sh '2 tests passed'

# The action's script, with a VM in place of an image: a check fails, and so does the step.
mkdir checks
echo 'echo from the action; exit 1' >checks/fails.sh
cat >action.sh <<'END'
export GITHUB_STEP_SUMMARY=summary GITHUB_OUTPUT=output
export INPUT_IMAGE=web INPUT_CHECKS=checks INPUT_COMMANDS=$'true\n' INPUT_ARGS=$'--skip=lint\n--timeline'
status=0
"$ACTION"/test.sh || status=$?
[ $status = 1 ]
grep -q 'from the action' summary
grep -q 'name=podman-bootc-test' output
ls podman-bootc-test/{report.json,report.xml,journal.log,console.log,timeline.svg}
python3 - <<'PYTHON'
from junitparser import JUnitXml
xml = JUnitXml.fromfile("podman-bootc-test/junit.xml")
assert xml.failures == 1 and xml.errors == 0 and xml.tests == sum(len(suite) for suite in xml), xml
PYTHON
END
ACTION=$repository/contrib/action recipe action.sh

# GitLab's job, without its VM: the flags exist, and the image is the only thing that is missing.
sed -n 's/^    - \(podman-bootc .*\)/\1/p' .gitlab-ci.yml | sed "s|$image|localhost/podman-bootc-missing|" >gitlab.sh
status=0
bash gitlab.sh >"$work/log" 2>&1 || status=$?
grep -q podman-bootc-missing "$work/log" && [ $status = 125 ] || { cat "$work/log"; exit 1; }
echo "recipes: all passed"
