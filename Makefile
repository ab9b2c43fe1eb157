# What people do with this repository. `make` lists it.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
BUILDAH ?= buildah
IMAGE ?= localhost/mtls-operator
VERSION := $(shell sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
# What tests are built with, and nothing that is shipped: single safeguards can be switched off.
WEAKENED := --features mtls-operator/weakened
IMAGE_TARGET := $(shell uname -m)-unknown-linux-gnu
IMAGE_FOLDER := target/image
IMAGE_ARCHIVE := $(IMAGE_FOLDER)/mtls-operator.tar
# Storage of its own: no daemon, nothing outside target/.
BUILDAH_HERE = $(BUILDAH) --storage-driver vfs --root $(CURDIR)/$(IMAGE_FOLDER)/storage --runroot $(CURDIR)/$(IMAGE_FOLDER)/run

# KEEP=1 leaves the demo's cluster running. Said in full: an empty variable would be exported, too.
KEEP ?= 0
export KEEP

.PHONY: help demo test lint fmt proof bench generate image image-archive tools clean

help: ## List what there is to do
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r name what; do \
		printf 'make %-10s %s\n' "$$name" "$$what"; done

demo: tools ## Watch it work on a real control plane (KEEP=1 leaves it running)
	@echo "Building the operator and the demo. The first time takes about 4 minutes on two cores, later seconds."
	@$(CARGO) build --locked --bin mtls-operator --example demo
	@$(CARGO) run --quiet --locked --example demo

test: ## Format check, lints and every test; says what it skips and why
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked $(WEAKENED) -- -D warnings
	@$(MAKE) --no-print-directory tools
	@mkdir -p target
	@code=0; \
	$(CARGO) test --workspace --locked $(WEAKENED) --no-fail-fast 2>&1 | tee target/test.log || code=$$?; \
	echo; \
	grep -ao 'SKIP .*' target/test.log | sort -u || true; \
	awk '/^test result:/ { passed += $$4; failed += $$6; ignored += $$8 } \
		END { printf "%d passed, %d failed, %d ignored\n", passed, failed, ignored }' target/test.log; \
	exit $$code

lint: ## Lints only, over everything that compiles
	$(CARGO) clippy --workspace --all-targets --locked $(WEAKENED) -- -D warnings

fmt: ## Format the source
	$(CARGO) fmt --all

proof: tools ## Rotations of the root at full size: under handshakes, frozen, killed at every write, in storms
	MTLS_PROOF=1 $(CARGO) test --locked $(WEAKENED) --no-fail-fast --test handshakes --test faults -- --nocapture

bench: tools ## Measure requests, times and memory, and print them
	@$(CARGO) build --release --locked --bin mtls-operator --example demo
	@$(CARGO) run --release --quiet --locked --example demo -- bench

# Twice: deploy/operator.yaml is rendered from the chart, which contains the definitions of the first time.
generate: tools ## Write again what is generated: CRDs, the chart's CRDs, deploy/operator.yaml
	UPDATE=1 $(CARGO) test --quiet --locked $(WEAKENED) --test drift
	UPDATE=1 $(CARGO) test --quiet --locked $(WEAKENED) --test drift

image: ## Build the static binary and the container image, as an OCI archive
	RUSTFLAGS="-C target-feature=+crt-static" $(CARGO) build --release --locked --bin mtls-operator --target $(IMAGE_TARGET)
	@$(MAKE) --no-print-directory image-archive BINARY=target/$(IMAGE_TARGET)/release/mtls-operator

# The image from a static binary, BINARY. The binary is run once from the image, where no library could help it out.
image-archive:
	rm -rf $(IMAGE_FOLDER)
	mkdir -p $(IMAGE_FOLDER)/context
	cp $(BINARY) $(IMAGE_FOLDER)/context/mtls-operator
	$(BUILDAH_HERE) bud --isolation chroot --timestamp 0 --build-arg VERSION=$(VERSION) \
		--tag $(IMAGE):$(VERSION) --file deploy/Dockerfile $(IMAGE_FOLDER)/context
	container=$$($(BUILDAH_HERE) from --pull-never $(IMAGE):$(VERSION)) && \
		$(BUILDAH_HERE) run --isolation chroot $$container -- /mtls-operator version && \
		$(BUILDAH_HERE) rm $$container
	$(BUILDAH_HERE) push $(IMAGE):$(VERSION) oci-archive:$(IMAGE_ARCHIVE):$(IMAGE):$(VERSION)
	@echo "$(IMAGE):$(VERSION) is in $(IMAGE_ARCHIVE); push it with: skopeo copy oci-archive:$(IMAGE_ARCHIVE) docker://…"

tools: ## Build etcd, the Kubernetes control plane, kubectl and helm, where they are missing
	@echo "Looking for the control plane. Where it is missing it is built from Go modules: about 15 minutes on two cores, once."
	@$(CARGO) run --quiet --locked --package devcluster -- tools > /dev/null

clean: ## Remove everything that was built here (not the control plane in the cache folder)
	$(CARGO) clean
