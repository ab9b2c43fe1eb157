#!/usr/bin/env bash
# release.sh VERSION KEY FOLDER: makes all files of a release in FOLDER, from a clean checkout, and signs their checksums.
# The key is read by openssl alone: no file of the release contains it, and nothing is published.
#
# KEY is a private ECDSA key (P-256, PEM). SHA256SUMS.sig is what `cosign sign-blob` would write: base64 of an ECDSA signature
# over SHA-256. So `openssl dgst -verify` checks it, and `cosign verify-blob` does. HELM names another helm than that of PATH.
set -euo pipefail

die() { echo "release: $*" >&2; exit 1; }
[ $# = 3 ] || die "say VERSION KEY FOLDER"
version=$1 key=$(realpath -m "$2") folder=$(realpath -m "$3")
cd "$(dirname "$0")/.."
root=$PWD

# --- Is this what is to be released? ---------------------------------------------------------------------------------

[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]] || die "\"$version\" is no version such as 1.2.3"
[ -z "$(git status --porcelain)" ] || die "the checkout has changes: commit them, or remove them"
cargo_version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
chart=charts/mtls-operator/Chart.yaml
# same NAME FOUND
same() { [ "$2" = "$version" ] || die "$1 is \"$2\", not $version"; }
same "the version in Cargo.toml" "$cargo_version"
same "version in $chart" "$(sed -n 's/^version: *//p' "$chart")"
same "appVersion in $chart" "$(sed -n 's/^appVersion: *//p' "$chart")"
grep -qE "^## \[${version//./\\.}\] - [0-9]{4}-[0-9]{2}-[0-9]{2}$" CHANGELOG.md ||
  die "CHANGELOG.md has no heading \"## [$version] - YYYY-MM-DD\""
if git rev-parse -q --verify "refs/tags/v$version" >/dev/null; then
  [ "$(git rev-parse "v$version^{commit}")" = "$(git rev-parse HEAD)" ] || die "the tag v$version is another commit"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
openssl pkey -in "$key" -pubout -out "$work/public.pem" 2>/dev/null || die "openssl cannot read the key $key"
openssl pkey -pubin -in "$work/public.pem" -noout -text | grep -q prime256v1 ||
  die "the key is no ECDSA key of the curve P-256 (prime256v1)"
case $key in
  "$root"/*) die "the key lies in the checkout: keep it elsewhere" ;;
  "$folder"/*) die "the key lies in the folder of the release: keep it elsewhere" ;;
esac
[ ! -e "$folder" ] || [ -z "$(ls -A "$folder")" ] || die "$folder is not empty"

# Another compiler would make other bytes of the same source.
pinned=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
[[ $(rustc --version) == "rustc $pinned "* ]] || die "$(rustc --version) is not the pinned $pinned (rust-toolchain.toml)"

# --- Build -----------------------------------------------------------------------------------------------------------

mkdir -p "$folder"
for arch in amd64 arm64; do
  "${MAKE:-make}" --no-print-directory image "ARCH=$arch"
  cp "target/image/mtls-operator-$arch.tar" "$folder/mtls-operator-$version-$arch.oci.tar"
  cp "target/image/mtls-operator-$arch.cdx.json" "$folder/mtls-operator-$version-$arch.cdx.json"
  # By this a registry, a node and `image.digest` of the chart know the image.
  digest=$(tar -xOf "target/image/mtls-operator-$arch.tar" ./index.json | grep -o 'sha256:[0-9a-f]\{64\}' | head -n 1)
  echo "$arch $digest" >>"$folder/image-digests.txt"
done

# helm writes the time into the archive: packed again without it, the same source gives the same bytes.
"${HELM:-helm}" package charts/mtls-operator --destination "$work" >/dev/null
mkdir "$work/chart"
tar -xzf "$work/mtls-operator-$version.tgz" -C "$work/chart"
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX -C "$work/chart" -cf - mtls-operator |
  gzip -n9 >"$folder/mtls-operator-$version.tgz"
cp deploy/operator.yaml "$folder/mtls-operator-$version.yaml"

# --- Sign ------------------------------------------------------------------------------------------------------------

[ -z "$(git status --porcelain)" ] || die "the build has changed the checkout: $(git status --porcelain)"
cd "$folder"
if grep -rqFf <(grep -v -e '-----' "$key" | grep -E '.{40}') .; then die "a file of the release contains the private key"; fi
LC_ALL=C
sha256sum -- * >"$work/SHA256SUMS"
mv "$work/SHA256SUMS" .
openssl dgst -sha256 -sign "$key" SHA256SUMS | openssl base64 -A >SHA256SUMS.sig
openssl base64 -d -A -in SHA256SUMS.sig -out "$work/signature"
openssl dgst -sha256 -verify "$work/public.pem" -signature "$work/signature" SHA256SUMS >/dev/null

fingerprint=$(openssl pkey -pubin -in "$work/public.pem" -outform DER | sha256sum | cut -d ' ' -f 1)
echo "Version $version is in $folder. SHA-256 of the public key (DER) that verifies it: $fingerprint"
