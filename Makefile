# make demo    the main job, from nothing, on the test image
# make test    all tests; `.ci/run` calls it
# make cross   of these those for other systems: builds, and what can run here (tests/cross.sh)
# make release builds the programs for a release, for all systems: target/release-builds
# make bench   measures what docs/performance.md tells
# make docs    generates completions/ and docs/man/
#
# On Debian 12 `tests/setup.sh` installs what these need, besides git, make and a Rust toolchain.

CARGO ?= cargo
IMAGE := localhost/podman-bootc-test

# For tests only: see there.
export CONTAINERS_CONF := $(CURDIR)/vm-assets/test-image/containers.conf

.PHONY: build test cross release demo bench docs clean setup image

build:
	$(CARGO) build --release

test: setup
	tests/setup.sh --tests
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets --features fault-injection,fakes -- -D warnings
	$(CARGO) nextest run -E 'not binary(e2e)'
	$(CARGO) nextest run --features fault-injection,fakes --test faults --test fake_hosts
	vm-assets/test-image/build.sh
	$(CARGO) nextest run -E 'binary(e2e)'
	tests/cross.sh

cross: setup
	tests/cross.sh

release: setup
	tests/cross.sh release

demo: setup build
	vm-assets/test-image/build.sh latest
	@echo; echo '== What this machine has =='
	-target/release/podman-bootc doctor
	@echo; echo '== From the image to a command in its VM =='
	target/release/podman-bootc run --rm $(IMAGE) \
	    'bootc status; systemctl --no-pager --failed; uname -a; uptime'

bench: build
	tests/setup.sh --tests
	vm-assets/test-image/build.sh latest
	tests/bench/warm.sh
	tests/bench/direct.sh
	tests/bench/disks.sh

docs:
	UPDATE_DOCS=1 $(CARGO) test --test generated

setup:
	tests/setup.sh

clean:
	$(CARGO) clean
