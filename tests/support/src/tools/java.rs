//! Java: programs of one source file, run by the JDK that is found.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{require_tool, source};

/// `java` of a JDK: a source file is compiled as it is run.
pub fn find() -> Option<PathBuf> {
    require_tool("javac")?;
    require_tool("java")
}

/// Runs the program in this file, named from the root of the repository.
pub fn run(java: &Path, file: &str) -> Command {
    let mut command = Command::new(java);
    // Small: there are several of them, on a machine that has other things to do.
    command.args(["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]).arg(source(file));
    command
}

/// Where a JDK of this version is: where its variable says, else one that is installed.
pub fn jdk(major: &str) -> Option<PathBuf> {
    let told = std::env::var_os(format!("JAVA_HOME_{major}")).map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path).filter_map(|folder| folder.join("java").canonicalize().ok());
    let in_path = in_path.filter_map(|java| Some(java.parent()?.parent()?.to_owned()));
    let installed = std::fs::read_dir("/usr/lib/jvm").into_iter().flatten().flatten();
    let mut homes = told.into_iter().chain(in_path).chain(installed.map(|entry| entry.path()));
    homes.find(|home| home.join("bin/javac").is_file() && is_release(home, major))
}

fn is_release(home: &Path, major: &str) -> bool {
    let release = std::fs::read_to_string(home.join("release")).unwrap_or_default();
    let version = release.lines().find_map(|line| line.strip_prefix("JAVA_VERSION=\""));
    version.is_some_and(|version| version.trim_end_matches('"').split('.').next() == Some(major))
}
