# What the scripts of this folder share: it is sourced from the root of the repository.
# shellcheck shell=bash

for folder in "$HOME/.cargo/bin" /usr/local/go/bin; do
  case ":$PATH:" in *":$folder:"*) ;; *) [ ! -d "$folder" ] || PATH="$PATH:$folder" ;; esac
done

say() { printf '[%02d:%02d] %s\n' $((SECONDS / 60)) $((SECONDS % 60)) "$*"; }
die() { say "$*" >&2; exit 1; }
has() { command -v "$1" >/dev/null; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

# rust-toolchain.toml pins the compiler by its version. Where rustup has that version under another name, as in "stable", this
# one is taken: not every machine can download a toolchain.
use_pinned_rust() {
  local pinned name
  pinned=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
  [ -z "${RUSTUP_TOOLCHAIN:-}" ] || return 0
  has rustup || { say "no rustup: $(rustc --version) instead of the pinned $pinned"; return 0; }
  ! rustup toolchain list | grep -q "^$pinned-" || return 0
  for name in $(rustup toolchain list | awk '!/^no installed/ { print $1 }'); do
    if [[ $(rustup run "$name" rustc --version) == "rustc $pinned "* ]]; then
      say "Rust $pinned is the toolchain $name"
      export RUSTUP_TOOLCHAIN=$name
      return 0
    fi
  done
  say "rustup downloads Rust $pinned"
  mkdir -p target/ci
  timeout 600 rustup toolchain install "$pinned" --profile minimal --component rustfmt,clippy >"target/ci/rustup.log" 2>&1 ||
    die "rustup can neither find nor download Rust $pinned: $(grep -m 1 error "target/ci/rustup.log")"
}
