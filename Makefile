# What people do with this repository. `make` lists it.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
BUILDAH ?= buildah
IMAGE ?= localhost/mtls-operator
VERSION := $(shell sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
# amd64 or arm64; that of this machine unless said otherwise.
ARCH ?= $(patsubst aarch64,arm64,$(patsubst x86_64,amd64,$(shell uname -m)))
IMAGE_TARGET := $(patsubst arm64,aarch64,$(patsubst amd64,x86_64,$(ARCH)))-unknown-linux-gnu
IMAGE_ARCHIVE := target/image/mtls-operator-$(ARCH).tar
PEER_ARCHIVE := target/image/peer-$(ARCH).tar
CARGO_FOLDER := $(or $(CARGO_HOME),$(HOME)/.cargo)
IMAGE_CC := $(if $(findstring $(shell uname -m),$(IMAGE_TARGET)),cc,aarch64-linux-gnu-gcc)
# No path of this machine gets into the binary: the same source and toolchain give the same bytes in every folder.
STATIC := RUSTFLAGS="-C target-feature=+crt-static --remap-path-prefix=$(CURDIR)=/mtls-operator --remap-path-prefix=$(CARGO_FOLDER)=/cargo" \
	CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=$(IMAGE_CC) \
	$(CARGO) build --release --locked --target $(IMAGE_TARGET)
# What tests are built with, and nothing that is shipped: single safeguards can be switched off.
WEAKENED := --features mtls-operator/weakened

# KEEP=1 leaves the demo's cluster running. Said in full: an empty variable would be exported, too.
KEEP ?= 0
export KEEP

.PHONY: help demo test lint deny fmt verifiers proof bench bench-large growth e2e kubernetes generate image peer-image release rehearsal tools clean

help: ## List what there is to do
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r name what; do \
		printf 'make %-11s %s\n' "$$name" "$$what"; done

demo: tools ## Watch it work on a real control plane (KEEP=1 leaves it running)
	@echo "Building the operator and the demo. The first time takes about 4 minutes on two cores, later seconds."
	@$(CARGO) build --locked --bin mtls-operator --example demo
	@$(CARGO) run --quiet --locked --example demo

test: ## Format check, lints and every test; says what it skips and why
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked $(WEAKENED) -- -D warnings
	@$(MAKE) --no-print-directory tools WITH=--node
	@mkdir -p target
	@$(CARGO) run --quiet --locked --package test-runner -- --workspace --locked $(WEAKENED) 2>&1 | tee target/test.log

# Descriptions of fields say <name> and <namespace>, which rustdoc takes for HTML.
lint: ## Format check, lints over everything that compiles, links of the documentation, dependencies
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked $(WEAKENED) -- -D warnings
	RUSTDOCFLAGS="-D warnings -A rustdoc::invalid_html_tags" \
		$(CARGO) doc --quiet --workspace --no-deps --document-private-items --locked $(WEAKENED)
	@$(MAKE) --no-print-directory deny

# Licences, sources and bans need no network. The database of advisories is a Git repository that not every machine can reach.
deny: ## Dependencies only, by deny.toml (cargo install cargo-deny --locked)
	@mkdir -p target
	@if ! $(CARGO) deny --version >/dev/null 2>&1; then \
		echo "SKIP cargo deny: not installed; cargo install cargo-deny --locked"; \
		exit 0; \
	fi; \
	$(CARGO) deny --workspace --offline --locked check bans licenses sources; \
	if timeout 120 $(CARGO) deny fetch db >target/deny.log 2>&1; then \
		$(CARGO) deny --workspace --locked check advisories; \
	else \
		echo "SKIP advisories: their database cannot be fetched here (target/deny.log)"; \
	fi

fmt: ## Format the source
	$(CARGO) fmt --all

# What it skips is said at its end; MTLS_TEST_REQUIRE_ALL=1 skips nothing. UPDATE=1 writes the table in docs/verifiers.md.
verifiers: ## Ask every verifier about our chains: Java 25, NSS, mbedTLS, wolfSSL, nginx and Apache beside those of make test
	@mkdir -p target
	@code=0; \
	MTLS_VERIFIERS=1 $(CARGO) test --locked $(WEAKENED) --test verifiers -- --nocapture 2>&1 | tee target/verifiers.log || code=$$?; \
	grep -ao 'SKIP .*' target/verifiers.log | sort -u || true; \
	exit $$code

proof: tools ## Rotations at full size: modelled, under handshakes, frozen, killed at every write, in storms; of 2,000
	MTLS_PROOF=1 $(CARGO) test --workspace --locked $(WEAKENED) --no-fail-fast \
		--test handshakes --test faults --test protocol --test combinations --test distrust --test mutants -- --nocapture
	@$(MAKE) --no-print-directory bench PART=rotate

# PART="fresh 1000 10000": these scenarios at these sizes; `once` measures a fresh start once instead of three times. The scenarios are fresh,
# create, single, renew, expiry, steady, restart, cut, rotate, prompt, namespaces, rsa and foreign; issue is create, single, restart and steady.
PART ?=
# Results of `make bench` that are to be drawn.
RUNS ?= $(wildcard target/bench/*.json)

BENCH := $(CARGO) run --release --quiet --locked --example bench --

bench: tools ## Measure the operator against a bare writer: requests, times, CPU, memory, rotations (PART="fresh 1000 once" for a part)
	@$(CARGO) build --release --locked --bin mtls-operator --example bench
	@$(BENCH) $(PART)

bench-large: tools ## The same with 100,000 identities (more than an hour)
	@$(CARGO) build --release --locked --bin mtls-operator --example bench
	@$(BENCH) large

growth: ## Draw docs/pictures/growth.svg from the results of make bench (RUNS="FILE…" for some of them)
	@$(BENCH) growth $(RUNS)

# What depends on the version of the API server: the API, its admission policies, the chart and the operator's own requests. Older ones do
# not serve ClusterTrustBundles as certificates.k8s.io/v1, and devcluster has no node for them. 1.33 does not serve the kind of policy with
# which one test hides a Secret, and its refusals by the schema are worded differently.
KUBERNETES_TESTS := --test api_policy --test admission --test probes --test chart --test cluster
NOT_SERVED := bundle_rotation::a_cluster_trust_bundle bundle_rotation::without_the_right_to_cluster_trust_bundles
NOT_SERVED_1.33 := other_writers::a_secret_that_a_policy_hides validation::authority::every_rule_of validation::identity::every_rule_of
kubernetes: export MTLS_KUBERNETES ?= 1.36
kubernetes: ## What depends on the version of Kubernetes, on an older one: MTLS_KUBERNETES=1.36 (or 1.33)
	@echo "SKIP on Kubernetes $(MTLS_KUBERNETES): nodes $(NOT_SERVED) $(NOT_SERVED_$(MTLS_KUBERNETES))"
	$(CARGO) test --locked --package devcluster --test cluster
	$(CARGO) test --locked $(WEAKENED) --no-fail-fast $(KUBERNETES_TESTS) -- \
		$(addprefix --skip ,$(NOT_SERVED) $(NOT_SERVED_$(MTLS_KUBERNETES)))

# Asks first, since the images take minutes: 3 says that this machine cannot, and why.
e2e: ## The whole product on a real node: image, chart, Pods that shake hands through a rotation (root on Linux)
	@code=0; $(CARGO) run --quiet --locked $(WEAKENED) --example e2e || code=$$?; \
	if [ $$code = 3 ]; then exit 0; elif [ $$code != 0 ]; then exit $$code; fi; \
	$(MAKE) --no-print-directory image peer-image && $(MAKE) --no-print-directory tools WITH=--node && \
	$(CARGO) run --quiet --locked $(WEAKENED) --example e2e -- $(IMAGE_ARCHIVE) $(PEER_ARCHIVE)

# Twice: deploy/operator.yaml is rendered from the chart, which contains the definitions of the first time.
generate: tools ## Write again what is generated: CRDs, the chart's CRDs, docs/fields.md, deploy/operator.yaml
	UPDATE=1 $(CARGO) test --quiet --locked $(WEAKENED) --test drift
	UPDATE=1 $(CARGO) test --quiet --locked $(WEAKENED) --test drift

image: ## Build the static binary and its image, an OCI archive, with an SBOM; ARCH=arm64 builds across
	$(STATIC) --package mtls-operator --bin mtls-operator
	BUILDAH=$(BUILDAH) deploy/pack.sh deploy/Dockerfile target/$(IMAGE_TARGET)/release/mtls-operator \
		$(ARCH) $(IMAGE):$(VERSION) $(IMAGE_ARCHIVE)
	$(CARGO) run --quiet --locked --package sbom -- mtls-operator $(IMAGE_TARGET) $(IMAGE_CC) > $(IMAGE_ARCHIVE:.tar=.cdx.json)
	@echo "What it is made of is in $(IMAGE_ARCHIVE:.tar=.cdx.json)"

# KEY is a private ECDSA key (P-256, PEM), TO an empty folder; docs/releasing.md. HELM is another helm than the pinned one.
release: ## Make and sign all files of a release: VERSION=1.2.3 KEY=FILE TO=FOLDER
	@HELM="$${HELM:-$$($(CARGO) run --quiet --locked --package devcluster -- tools helm)}" \
		deploy/release.sh "$(VERSION)" "$(KEY)" "$(TO)"

rehearsal: ## A whole release in a copy of the repository, with a key that is thrown away, compared with a second build
	.ci/release-rehearsal

# The Pods of the tests, and their pause image.
peer-image:
	$(STATIC) --package peer
	BUILDAH=$(BUILDAH) deploy/pack.sh tests/peer/Dockerfile target/$(IMAGE_TARGET)/release/peer \
		$(ARCH) localhost/peer:$(VERSION) $(PEER_ARCHIVE)

# WITH=--node: those of a node, too, where there can be one.
WITH ?=

tools: ## Build etcd, the Kubernetes control plane, kubectl and helm, where they are missing
	@echo "Looking for the control plane. Where it is missing it is built from Go modules: about 15 minutes on two cores, once."
	@$(CARGO) run --quiet --locked --package devcluster -- tools $(WITH) > /dev/null

clean: ## Remove everything that was built here (not the control plane in the cache folder)
	$(CARGO) clean
