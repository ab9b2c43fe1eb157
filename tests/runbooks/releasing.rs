//! The key of a release: made as the document says, and what it signs is verified as the document says.

use test_support::markdown::block;
use test_support::shell::Shell;

#[test]
fn a_key_is_made_that_signs_what_the_commands_for_users_verify() {
    let Some(place) = Shell::new() else { return };
    // At a terminal openssl asks for it.
    let make = block("docs/releasing.md", "Make a release", "openssl ecparam");
    let make =
        make.with("-topk8", "-topk8 -passout pass:trial").with("-pubout", "-passin pass:trial -pubout");
    place.run_locally(&make);
    place.run_locally(
        "sha256sum release.pub > SHA256SUMS
         openssl dgst -sha256 -sign release.pem -passin pass:trial SHA256SUMS | openssl base64 -A > SHA256SUMS.sig",
    );
    let verified = place.run_locally(&block("docs/releasing.md", "Verify a release", "sha256sum"));
    assert_eq!(verified, "Verified OK\nrelease.pub: OK\n");
}
