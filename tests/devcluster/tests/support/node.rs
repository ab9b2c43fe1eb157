//! A node where there can be one; elsewhere the test says visibly that it skips and why.

use std::env;
use std::ffi::OsStr;
use std::io::{self, Write as _};

use devcluster::Obstacle;

/// With this set to 1 a missing package fails the test. A machine that cannot have a node never does.
const REQUIRE_ALL: &str = "MTLS_TEST_REQUIRE_ALL";

/// Whether a node can be started here; if not, a line `SKIP node: <why>` has been written.
pub fn node_is_possible() -> bool {
    let Some(obstacle) = devcluster::obstacle() else { return true };
    let must = env::var_os(REQUIRE_ALL).as_deref() == Some(OsStr::new("1"));
    assert!(!must || matches!(obstacle, Obstacle::Machine(_)), "{obstacle}, and {REQUIRE_ALL}=1");
    // Not `eprintln!`: the harness swallows that where the test passes.
    let _ = writeln!(io::stderr(), "SKIP node: {obstacle}");
    false
}
