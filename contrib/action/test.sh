#!/usr/bin/env bash
# test.sh: runs `podman-bootc test` with the inputs of the GitHub Action (INPUT_*), and adds its report to the job's
# summary. Its exit code is the one of `test`.
set -euo pipefail

# lines NAME TEXT: sets the array NAME to the lines of TEXT that are not empty.
lines() {
    local -n array=$1
    local line
    array=()
    while IFS= read -r line; do
        line=${line%$'\r'}
        [ -z "${line//[[:space:]]/}" ] || array+=("$line")
    done <<<"$2"
}

lines images "$INPUT_IMAGE"
lines commands "${INPUT_COMMANDS-}"
lines args "${INPUT_ARGS-}"
[ ${#images[@]} -gt 0 ] || { echo "::error::the input 'image' is empty"; exit 125; }

artifacts=${INPUT_ARTIFACTS:-podman-bootc-test}
mkdir -p "$artifacts"
# The name of an upload has no slashes.
echo "name=${artifacts//\//-}" >>"$GITHUB_OUTPUT"
options=(--junit "$artifacts/junit.xml" --markdown "$artifacts/summary.md" --artifacts "$artifacts")
[ -z "${INPUT_CHECKS-}" ] || options+=(--checks "$INPUT_CHECKS")
for command in "${commands[@]}"; do
    options+=(--cmd "$command")
done

status=0
podman-bootc test "${options[@]}" "${args[@]}" -- "${images[@]}" || status=$?
if [ -s "$artifacts/summary.md" ]; then
    cat "$artifacts/summary.md" >>"$GITHUB_STEP_SUMMARY"
else
    echo "podman-bootc test ended with exit code $status and wrote no report" >>"$GITHUB_STEP_SUMMARY"
fi
exit "$status"
