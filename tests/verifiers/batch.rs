//! Verifiers that are libraries: for each there is a small program, which is started once and answers many questions.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use test_support::tools::go;
use test_support::tools::{require_tool, skip};

use crate::question::{Judge, Question, Verdict};

/// Such a program.
pub struct Batch {
    program: PathBuf,
    arguments: Vec<String>,
    version: String,
}

impl Judge for Batch {
    fn version(&self) -> String {
        self.version.clone()
    }

    fn judge(&self, questions: &[Question]) -> Vec<Verdict> {
        let file = tempfile::NamedTempFile::new().unwrap();
        let lines: Vec<String> = questions.iter().map(line).collect();
        std::fs::write(file.path(), lines.join("\n") + "\n").unwrap();
        let output = Command::new(&self.program).args(&self.arguments).arg(file.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let verdicts: Vec<Verdict> = said.lines().map(verdict).collect();
        let is_complete = output.status.success() && verdicts.len() == questions.len();
        assert!(is_complete, "{}: {said}{}", self.version, errors(&output));
        verdicts
    }
}

fn line(question: &Question) -> String {
    let [chain, key, trust] =
        [&question.chain, &question.key, &question.trust].map(|path| path.to_str().unwrap());
    format!("{chain}\t{key}\t{trust}\t{}\t{}", question.role.name(), question.at.as_second())
}

fn verdict(line: &str) -> Verdict {
    match line.strip_prefix("refused: ") {
        Some(why) => Err(why.to_owned()),
        None if line == "accepted" => Ok(()),
        None => panic!("no verdict: {line}"),
    }
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn source(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verifiers").join(file)
}

/// Where programs are built.
fn built(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("verdicts");
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

/// The first line that a command says.
pub fn first_line(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &errors(&output);
    said.lines().next().unwrap_or_default().to_owned()
}

/// `crypto/x509` of Go.
pub fn go() -> Option<Box<dyn Judge>> {
    let go = require_tool("go")?;
    let program = built("go-verdicts");
    go::build(&go, "tests/verifiers/go", &program);
    let version = first_line(Command::new(go).arg("version").env("GOTOOLCHAIN", "local"));
    Some(Box::new(Batch { program, arguments: Vec::new(), version }))
}

/// The trust manager of a JDK of the first of these versions that is installed.
pub fn java(versions: &[&str]) -> Option<Box<dyn Judge>> {
    let major = versions[0];
    let Some(home) = versions.iter().find_map(|major| jdk(major)) else {
        skip(&format!("Java {major}"), &format!("no JDK in JAVA_HOME_{major}, PATH or /usr/lib/jvm"));
        return None;
    };
    let program = home.join("bin/java");
    let version = first_line(Command::new(&program).arg("-version"));
    let arguments = vec![source("java/Verdicts.java").to_str().unwrap().to_owned()];
    Some(Box::new(Batch { program, arguments, version }))
}

/// Where a JDK of this version is: where its variable says, else one that is installed.
fn jdk(major: &str) -> Option<PathBuf> {
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

/// A library of C, with the package that has it and what is linked.
pub fn c(name: &str, package: &str, libraries: &[&str]) -> Option<Box<dyn Judge>> {
    let compiler = require_tool("cc")?;
    let program = built(name);
    let build = Command::new(compiler)
        .args(["-O1", "-Wall", "-Werror", "-o"])
        .arg(&program)
        .arg(source(&format!("c/{name}.c")))
        .args(libraries)
        .output()
        .unwrap();
    if errors(&build).contains("No such file or directory") {
        skip(name, &format!("its headers are missing (package {package})"));
        return None;
    }
    assert!(build.status.success(), "{}", errors(&build));
    let version = first_line(Command::new(&program).arg("version"));
    Some(Box::new(Batch { program, arguments: Vec::new(), version }))
}
