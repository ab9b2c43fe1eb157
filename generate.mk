# Made from the chart: deploy/operator.yaml. Made from the source: the container image.

HELM ?= helm
BUILDAH ?= buildah
IMAGE ?= localhost/mtls-operator
VERSION := $(shell sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
IMAGE_TARGET := $(shell uname -m)-unknown-linux-gnu
IMAGE_FOLDER := target/image
IMAGE_ARCHIVE := $(IMAGE_FOLDER)/mtls-operator.tar
# Storage of its own: no daemon, nothing outside target/.
BUILDAH_HERE = $(BUILDAH) --storage-driver vfs --root $(CURDIR)/$(IMAGE_FOLDER)/storage --runroot $(CURDIR)/$(IMAGE_FOLDER)/run

.PHONY: generate-deploy image image-archive

generate-deploy: ## Render deploy/operator.yaml from the chart
	@mkdir -p target
	@{ cat deploy/namespace.yaml && $(HELM) template mtls-operator charts/mtls-operator -n mtls-system; } > target/operator.yaml
	@mv target/operator.yaml deploy/operator.yaml

image: ## Build the static binary and the container image, as an OCI archive
	RUSTFLAGS="-C target-feature=+crt-static" cargo build --release --locked --bin mtls-operator --target $(IMAGE_TARGET)
	$(MAKE) image-archive BINARY=target/$(IMAGE_TARGET)/release/mtls-operator

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
