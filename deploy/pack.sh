#!/usr/bin/env bash
# pack.sh DOCKERFILE BINARY ARCH REFERENCE ARCHIVE: packs one static binary into an image, as an OCI archive. Its bytes
# depend on the Dockerfile, the binary and the reference alone: not on the time, the folder or the user.
set -euo pipefail

dockerfile=$1 binary=$2 arch=$3 reference=$4 archive=$5
case $arch in
  amd64) machine=X86-64 ;;
  arm64) machine=AArch64 ;;
  *) echo "pack: no image for $arch: say amd64 or arm64" >&2; exit 2 ;;
esac

# In `scratch` nothing would load a dynamic binary, and the error would be "no such file or directory".
! LC_ALL=C readelf --program-headers --wide "$binary" | grep -q INTERP ||
  { echo "pack: $binary is not static: build it with -C target-feature=+crt-static" >&2; exit 1; }
LC_ALL=C readelf --file-header "$binary" | grep -q "Machine:.*$machine" ||
  { echo "pack: $binary is no program for $arch" >&2; exit 1; }

mkdir -p "$(dirname "$archive")"
work=$(mktemp -d "$(dirname "$archive")/pack.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/context"
cp "$binary" "$work/context/"
# Storage of its own: no daemon, and nothing is left of it.
here() { "${BUILDAH:-buildah}" --storage-driver vfs --root "$work/storage" --runroot "$work/run" "$@"; }

here bud --quiet --isolation chroot --arch "$arch" --timestamp 0 --identity-label=false \
  --build-arg "VERSION=${reference##*:}" --tag "$reference" --file "$dockerfile" "$work/context" >/dev/null
# Run once where no library could help it out, if this machine can.
if [ "$arch" = "$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')" ]; then
  container=$(here from --pull-never "$reference")
  here run --isolation chroot "$container" -- "/$(basename "$binary")" --version
  here rm "$container" >/dev/null
fi
here push --quiet "$reference" "oci:$work/layout:$reference"

# The name under which containerd (and so kind) imports it; to podman and skopeo the other annotation says it.
sed -i "s|\"org.opencontainers.image.ref.name\":|\"io.containerd.image.name\":\"$reference\",&|" "$work/layout/index.json"
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX -C "$work/layout" -cf "$archive" .
echo "$reference ($arch) is in $archive: $(grep -o 'sha256:[0-9a-f]*' "$work/layout/index.json" | head -n 1)"
