//! Whether a test can have a node; where it cannot, the test says visibly that it skips and why.

use std::env;
use std::ffi::OsStr;
use std::io::{self, Write as _};

use devcluster::Obstacle;

/// With this set to 1 a missing package fails the test. A machine that cannot have a node never does.
const REQUIRE_ALL: &str = "MTLS_TEST_REQUIRE_ALL";

/// Whether a node can be started here; if not, a line `SKIP node: <why>` has been written.
pub fn node_is_possible() -> bool {
    match devcluster::obstacle() {
        None => true,
        Some(obstacle @ Obstacle::Machine(_)) => skip(&obstacle.to_string()),
        Some(obstacle @ Obstacle::Packages(_)) => skip_or_fail(&obstacle.to_string()),
    }
}

/// Says why something is not tested here. Fails instead where everything that can be installed must be.
pub fn skip_or_fail(why: &str) -> bool {
    let must = env::var_os(REQUIRE_ALL).as_deref() == Some(OsStr::new("1"));
    assert!(!must, "{why}, and {REQUIRE_ALL}=1");
    skip(why)
}

fn skip(why: &str) -> bool {
    // Not `eprintln!`: the harness swallows that where the test passes.
    let _ = writeln!(io::stderr(), "SKIP node: {why}");
    false
}
