//! Verifiers that are libraries: for each there is a small program, which is started once and judges many chains.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use test_support::tools::{go, java, require_tool, skip, source};

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
    let program = go::build("tests/verifiers/go", &built("go-verdicts"))?;
    let version = first_line(go::command(&require_tool("go")?).arg("version"));
    Some(Box::new(Batch { program, arguments: Vec::new(), version }))
}

/// The trust manager of a JDK of the first of these versions that is installed.
pub fn java(versions: &[&str]) -> Option<Box<dyn Judge>> {
    let major = versions[0];
    let Some(home) = versions.iter().find_map(|major| java::jdk(major)) else {
        skip(&format!("Java {major}"), &format!("no JDK in JAVA_HOME_{major}, PATH or /usr/lib/jvm"));
        return None;
    };
    let program = home.join("bin/java");
    let version = first_line(Command::new(&program).arg("-version"));
    let arguments = vec![source("tests/verifiers/java/Verdicts.java").to_str().unwrap().to_owned()];
    Some(Box::new(Batch { program, arguments, version }))
}

/// A library of C, with the package that has it and what is linked.
pub fn c(name: &str, package: &str, libraries: &[&str]) -> Option<Box<dyn Judge>> {
    let compiler = require_tool("cc")?;
    let program = built(name);
    let build = Command::new(compiler)
        .args(["-O1", "-Wall", "-Werror", "-o"])
        .arg(&program)
        .arg(source(&format!("tests/verifiers/c/{name}.c")))
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
