//! Roots whose key is stolen. Once people distrust one of them, a leaf that is made with the key is refused before every
//! trust bundle in force, though the public cross-certificate is shown with it; before that it was accepted: in each phase,
//! in each role of the root. The operator runs before the scripted API server of `tests/conversation`.

use std::path::PathBuf;

use tempfile::TempDir;
use test_support::in_memory::harness::CONFIG_MAPS;
use test_support::in_memory::rotation_run::RotationRun;

use crate::question::{Question, Role};
use crate::theft::{NAME, Theft};
use crate::verifiers::AT_ANY_TIME;

/// Every trust bundle in a Secret or a ConfigMap.
fn bundles(mesh: &RotationRun) -> Vec<String> {
    let config_maps = mesh.harness.server.all(CONFIG_MAPS).into_iter();
    let published = config_maps.map(|map| map["data"]["ca.crt"].as_str().unwrap().to_owned());
    let mut all: Vec<String> = published.chain(["a", "b"].map(|name| mesh.text(name, "ca.crt"))).collect();
    assert!(all.len() > 2, "some are published");
    all.sort_unstable();
    all.dedup();
    all
}

/// The questions to verifiers, and whether they are to accept.
struct Trial {
    folder: TempDir,
    asked: Vec<(Question, bool)>,
}

impl Trial {
    /// Leaves that are made with the stolen keys now, before each stored bundle.
    fn ask(&mut self, theft: &Theft, moment: &str, is_accepted: bool) {
        let made = theft.stolen.iter().map(|stolen| stolen.leaf(&theft.mesh));
        for (number, leaf) in made.enumerate() {
            self.show(theft, &format!("{}-{moment}-{number}", theft.name), &leaf, is_accepted);
        }
    }

    /// The leaf of a workload, which the bundles in force must accept.
    fn ask_workload(&mut self, theft: &Theft) {
        let leaf = ["tls.crt", "tls.key"].map(|key| theft.mesh.text("a", key));
        self.show(theft, &format!("{}-workload", theft.name), &leaf, true);
    }

    fn show(&mut self, theft: &Theft, what: &str, leaf: &[String; 2], is_accepted: bool) {
        let chain = self.write(&format!("{what}-chain.pem"), &leaf[0]);
        let key = self.write(&format!("{what}-key.pem"), &leaf[1]);
        let at = theft.mesh.harness.manual_clock.now();
        for (number, bundle) in bundles(&theft.mesh).iter().enumerate() {
            let trust = self.write(&format!("{what}-trust-{number}.pem"), bundle);
            for role in Role::ALL {
                let (chain, key, trust) = (chain.clone(), key.clone(), trust.clone());
                self.asked.push((Question { chain, key, name: NAME, trust, role, at }, is_accepted));
            }
        }
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file
    }

    /// The verifiers that were asked, and their wrong verdicts.
    fn faults(&self) -> (Vec<String>, Vec<String>) {
        let questions: Vec<Question> = self.asked.iter().map(|(question, _)| question.clone()).collect();
        let (mut asked, mut faults) = (Vec::new(), Vec::new());
        for judge in AT_ANY_TIME.iter().filter_map(|find| find()) {
            let verdicts = judge.judge(&questions);
            asked.push(judge.version());
            for ((question, is_accepted), verdict) in self.asked.iter().zip(verdicts) {
                if verdict.is_ok() != *is_accepted {
                    faults.push(format!("{}: {question}: {verdict:?}", judge.version()));
                }
            }
        }
        (asked, faults)
    }
}

#[tokio::test(start_paused = true)]
async fn once_a_root_is_distrusted_foreign_verifiers_refuse_what_is_made_with_its_key() {
    let mut trial = Trial { folder: tempfile::tempdir().unwrap(), asked: Vec::new() };
    for mut theft in Box::pin(Theft::all()).await {
        trial.ask(&theft, "before", true);
        theft.mesh.distrust(&[&theft.known]);
        theft.mesh.tick(1).await;
        theft.mesh.tick(1).await;
        trial.ask(&theft, "after", false);
        trial.ask_workload(&theft);
    }
    let (asked, faults) = trial.faults();
    println!("{} questions each: {}", trial.asked.len(), asked.join(", "));
    assert!(faults.is_empty(), "{} verdicts are wrong:\n{}", faults.len(), faults.join("\n"));
}
