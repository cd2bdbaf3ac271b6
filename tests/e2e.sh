#!/bin/sh
# e2e.sh [OPTION...]: runs the end-to-end tests; the options are those of `cargo nextest run`.
#
# Without options it then checks that the tests use each command of the tool and each flag of `run`.
set -eu
cd "$(dirname "$0")/.."

rm -rf "${CARGO_TARGET_DIR:-target}/used-arguments"
# A test kills the tool at named places.
cargo nextest run --features fault-injection --test e2e "$@"
[ $# -gt 0 ] || cargo nextest run --features fault-injection --test flags --run-ignored only
