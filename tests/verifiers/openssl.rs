//! OpenSSL in its strict mode.

use std::path::PathBuf;
use std::process::Command;

use test_support::tools::{openssl, require_tool};

use crate::batch::first_line;
use crate::question::{Judge, Question, Role, Verdict};

struct OpenSsl(PathBuf);

pub fn find() -> Option<Box<dyn Judge>> {
    Some(Box::new(OpenSsl(require_tool("openssl")?)))
}

impl Judge for OpenSsl {
    fn version(&self) -> String {
        first_line(Command::new(&self.0).arg("version"))
    }

    fn judge(&self, questions: &[Question]) -> Vec<Verdict> {
        questions.iter().map(|question| self.verify(question)).collect()
    }
}

impl OpenSsl {
    fn verify(&self, question: &Question) -> Verdict {
        let purpose = match question.role {
            Role::Server => "sslserver",
            Role::Client => "sslclient",
        };
        let (at, trust) = (question.at.as_second().to_string(), question.trust.to_str().unwrap());
        let arguments = ["-x509_strict", "-purpose", purpose, "-attime", &at, "-CAfile", trust];
        let output = openssl::verify(&self.0, &question.chain, &arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).replace('\n', " ");
        if output.status.success() {
            return Ok(());
        }
        assert!(said.contains("verification failed"), "no verdict on {question}: {said}");
        Err(said)
    }
}
