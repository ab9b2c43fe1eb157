//! Foreign programs that tests use: found in `PATH`, or the test says visibly that it skips and why.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::REPOSITORY;

pub mod authorities;
pub mod gnutls;
pub mod go;
pub mod java;
pub mod judges;
pub mod openssl;
pub mod process;

/// With this set to 1 nothing is skipped: a missing tool fails the test.
const REQUIRE_ALL: &str = "MTLS_TEST_REQUIRE_ALL";

/// Where installers put tools without touching `PATH`.
const ELSEWHERE: [&str; 2] = ["/usr/local/go/bin", "/usr/sbin"];

/// The program, or `None` after a line `SKIP <tool>: <why>` that no test harness swallows.
pub fn require_tool(name: &str) -> Option<PathBuf> {
    let found = find(name);
    if found.is_none() {
        skip(name, "not found in PATH");
    }
    found
}

/// Says that something is not tested here. Fails instead where everything must run.
pub fn skip(tool: &str, why: &str) {
    assert!(
        std::env::var_os(REQUIRE_ALL).as_deref() != Some(OsStr::new("1")),
        "{tool}: {why}, and {REQUIRE_ALL}=1"
    );
    // Not `eprintln!`: the harness swallows that where the test passes.
    let mut visible = std::io::stderr();
    let _ = writeln!(visible, "SKIP {tool}: {why}");
}

/// A file or a folder of sources, named from the root of the repository.
pub fn source(name: &str) -> PathBuf {
    Path::new(REPOSITORY).join(name)
}

fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(ELSEWHERE.iter().map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|program| is_program(program))
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// The library that sets the clock of a program, for `LD_PRELOAD` beside `FAKETIME`. The program `faketime` knows where it is; its
/// own way, a semaphore for each call by process number, fails where an earlier one was killed.
pub fn faketime_library(faketime: &Path) -> String {
    let asked = Command::new(faketime).args(["-m", "-f", "+0", "printenv", "LD_PRELOAD"]).output().unwrap();
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
    String::from_utf8(asked.stdout).unwrap().trim().to_owned()
}
