# `make help` lists the targets. On Debian 12 `make setup` and `make setup-tests` install what they need, besides git,
# make and a Rust toolchain. On other systems `tests/setup.sh` names the packages.

CARGO ?= cargo
IMAGE := localhost/podman-bootc-test

# For tests only: see there.
export CONTAINERS_CONF := $(CURDIR)/vm-assets/test-image/containers.conf

.PHONY: help build check lint unit kubevirt doc test faults test-image e2e cross cross-changed deny demo release packages \
    test-packages recipes bench docs setup setup-tests clean

help: ## lists these targets
	@sed -nE 's/^([a-z0-9-]+):.*## (.*)/make \1\t\2/p' Makefile | expand -t 20

build: ## builds the program: target/release/podman-bootc
	$(CARGO) build --release

check: lint unit doc ## what to run before each commit: lint, unit, doc; installs nothing

lint: ## checks the format and the lints
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets --all-features -- -D warnings

# The tests that boot no guest have one set of features, so that cargo compiles the crate once for them.
unit: ## runs the tests that need nothing but cargo-nextest
	$(CARGO) nextest run --all-features -E 'not (binary(e2e) or binary(faults))'

kubevirt: ## compares what `generate kubevirt` writes with KubeVirt's types; needs node and npm
	tests/kubevirt.sh

doc: ## builds the documentation of the code; warnings are errors
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --no-deps --document-private-items

test: ## runs all tests as CI does, as root; installs what they need
	.ci/run

faults: ## runs the tests that kill the tool; needs QEMU and root
	$(CARGO) nextest run --all-features --test faults

test-image: ## builds all variants of the test image; needs podman and root
	vm-assets/test-image/build.sh

# The program under test is the one that users get, without the features that are for tests.
e2e: test-image ## runs the end-to-end tests, which boot VMs
	tests/e2e.sh

cross: setup ## tests and checks for all other systems; records what passed
	tests/cross.sh --record

cross-changed: ## the same, without the parts that passed with the same files before
	tests/cross.sh --changed

deny: ## checks the dependencies against deny.toml; needs cargo-deny and the network
	$(CARGO) deny --locked check

demo: setup build ## installs what it needs and runs a command in a VM of the test image
	vm-assets/test-image/build.sh latest
	@echo; echo '== What this machine has =='
	-target/release/podman-bootc doctor
	@echo; echo '== From the image to a command in its VM =='
	target/release/podman-bootc run --rm $(IMAGE) \
	    'bootc status; systemctl --no-pager --failed; uname -a; uptime'

release: setup ## builds the programs for a release, for all systems: target/release-builds
	tests/cross.sh release

packages: ## builds the .deb and the .rpm for this machine: target/packages
	tests/packages.sh build

test-packages: setup-tests ## builds both, installs the .deb in a clean Debian and runs an image there; as root
	vm-assets/test-image/build.sh latest
	tests/packages.sh

recipes: build ## runs the recipes of docs/recipes.md, with packages of PyPI; as root, needs rsync and python3-venv
	vm-assets/test-image/build.sh latest
	tests/recipes.sh

bench: build setup-tests ## measures the figures of docs/performance.md
	vm-assets/test-image/build.sh latest containers
	tests/bench/warm.sh
	tests/bench/direct.sh
	tests/bench/disks.sh
	tests/bench/resume.sh
	tests/bench/watch.sh
	tests/bench/upgrade.sh

docs: ## generates completions/ and docs/man/
	UPDATE_DOCS=1 $(CARGO) test --test generated

setup: ## installs what the tool needs to be built and to run
	tests/setup.sh

setup-tests: ## installs what the tests need as well
	tests/setup.sh --tests

clean: ## removes everything that was built
	$(CARGO) clean
