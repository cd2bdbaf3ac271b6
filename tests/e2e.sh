#!/bin/sh
# e2e.sh [OPTION...]: runs the end-to-end tests; the options are those of `cargo nextest run`.
#
# Without options it then checks that the tests use each command of the tool and each flag of `run`.
set -eu
cd "$(dirname "$0")/.."

rm -rf "${CARGO_TARGET_DIR:-target}/used-arguments"
# By default nextest runs one for each processor.
NEXTEST_TEST_THREADS=${NEXTEST_TEST_THREADS:-3} cargo nextest run --test e2e "$@"
[ $# -gt 0 ] || cargo nextest run --test flags --run-ignored only
