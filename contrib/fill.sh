#!/bin/sh
# fill.sh VERSION OWNER/REPOSITORY SHA256SUMS FOLDER: writes the package managers' files for a release.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
version=$1 repository=$2 sums=$3 out=$4

# Prints the sum of one file, or fails.
sum_of() {
    awk -v name="$1" '$2 == name { print $1; found = 1 } END { exit !found }' "$sums" || {
        echo "fill.sh: $sums has no $1" >&2
        exit 1
    }
}
source=$(sum_of "podman-bootc-$version.tar.gz")
windows=$(sum_of podman-bootc-windows-x86_64.exe)

mkdir -p "$out"
for template in "$here"/homebrew/*.in "$here"/winget/*.in; do
    sed -e "s|@VERSION@|$version|g" -e "s|@REPOSITORY@|$repository|g" -e "s|@PUBLISHER@|${repository%%/*}|g" \
        -e "s|@SOURCE_SHA256@|$source|g" -e "s|@WINDOWS_SHA256@|$(echo "$windows" | tr a-f A-F)|g" \
        "$template" >"$out/$(basename "$template" .in)"
done
