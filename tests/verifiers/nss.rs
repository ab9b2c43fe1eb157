//! NSS: `vfychain` with its newer path builder, over one database of certificates for each set of roots.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use test_support::tools::require_tool;

use crate::question::{Judge, Question, Role, Verdict};

struct Nss {
    certutil: PathBuf,
    vfychain: PathBuf,
}

pub fn find() -> Option<Box<dyn Judge>> {
    Some(Box::new(Nss { certutil: require_tool("certutil")?, vfychain: require_tool("vfychain")? }))
}

impl Judge for Nss {
    /// Its tools do not say: the package does, where there is one.
    fn version(&self) -> String {
        let asked = Command::new("dpkg-query").args(["-W", "-f", "${Version}", "libnss3-tools"]).output();
        let said = asked.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        format!("NSS {}", said.unwrap_or_else(|_| "of unknown version".to_owned()))
    }

    fn judge(&self, questions: &[Question]) -> Vec<Verdict> {
        let mut databases: HashMap<&Path, Result<TempDir, String>> = HashMap::new();
        let mut verdicts = Vec::new();
        for question in questions {
            let database = databases.entry(&question.trust).or_insert_with(|| self.database(&question.trust));
            verdicts.push(match database {
                Ok(database) => self.verify(question, &named(database)),
                Err(why) => Err(why.clone()),
            });
        }
        verdicts
    }
}

/// A database, as the tools call it.
fn named(folder: &TempDir) -> String {
    format!("sql:{}", folder.path().display())
}

impl Nss {
    /// A database that trusts these roots. It takes none with a key of a kind that NSS does not know.
    fn database(&self, trust: &Path) -> Result<TempDir, String> {
        let folder = tempfile::tempdir().unwrap();
        let database = named(&folder);
        self.certutil(&["-N", "-d", &database, "--empty-password"]).unwrap();
        for (number, root) in split(trust, folder.path()).iter().enumerate() {
            let name = format!("root-{number}");
            let file = root.to_str().unwrap();
            self.certutil(&["-A", "-d", &database, "-n", &name, "-t", "CT,C,C", "-a", "-i", file])?;
        }
        Ok(folder)
    }

    fn certutil(&self, arguments: &[&str]) -> Result<(), String> {
        let output = Command::new(&self.certutil).args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).replace('\n', " ");
        if output.status.success() { Ok(()) } else { Err(said) }
    }

    fn verify(&self, question: &Question, database: &str) -> Verdict {
        let folder = tempfile::tempdir().unwrap();
        let usage = match question.role {
            Role::Client => "0",
            Role::Server => "1",
        };
        let at = question.at.strftime("%y%m%d%H%M%SZ").to_string();
        let mut command = Command::new(&self.vfychain);
        command.args(["-d", database, "-pp", "-u", usage, "-b", &at, "-a"]);
        let output = command.args(split(&question.chain, folder.path())).output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).replace('\n', " ");
        if said.contains("Chain is good!") {
            return Ok(());
        }
        assert!(said.contains("Chain is bad!"), "no verdict on {question}: {said}");
        Err(said)
    }
}

/// Each certificate of a file in a file of its own.
fn split(file: &Path, folder: &Path) -> Vec<PathBuf> {
    const END: &str = "-----END CERTIFICATE-----\n";
    let text = std::fs::read_to_string(file).unwrap();
    let write = |(number, certificate): (usize, &str)| {
        let file = folder.join(format!("{number}.pem"));
        std::fs::write(&file, certificate).unwrap();
        file
    };
    text.split_inclusive(END).enumerate().map(write).collect()
}
