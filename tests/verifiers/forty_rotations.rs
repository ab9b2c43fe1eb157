//! Forty rotations a week apart, within the lifetime of the first root: nothing grows, and in each phase of each of them
//! foreign verifiers accept each leaf, at that time, with the bundle beside it, and with the bundle of a consumer that has
//! not reloaded since one rotation. The operator runs before the scripted API server of `tests/conversation`.

use std::fmt::Write as _;
use std::path::PathBuf;

use jiff::SignedDuration;
use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::in_memory::harness::SECRETS;
use test_support::in_memory::rotation_run::RotationRun;

use crate::question::{Question, Role};
use crate::verifiers::AT_ANY_TIME;

const ROTATIONS: usize = 40;
const WEEK: SignedDuration = SignedDuration::from_hours(24 * 7);
/// Fewer bytes than any certificate has in a Secret.
const LESS_THAN_A_CERTIFICATE: usize = 400;
const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// A mesh whose roots follow each other, and what its consumers are to accept.
struct Course {
    mesh: RotationRun,
    folder: TempDir,
    questions: Vec<Question>,
    /// After each rotation: the size of the root Secret, and of a leaf's chain.
    sizes: Vec<[usize; 2]>,
}

impl Course {
    async fn begin() -> Self {
        let spec = json!({
            "leaf": { "ttl": "24h", "maxTTL": "24h" },
            "rotation": { "propagation": "10s", "spreadOver": "0s" },
        });
        let mesh = RotationRun::of(&["a", "b"], spec).await;
        Self { mesh, folder: tempfile::tempdir().unwrap(), questions: Vec::new(), sizes: Vec::new() }
    }

    /// One rotation, and the rest of its week.
    async fn rotate(&mut self, number: usize) {
        let end = self.mesh.harness.manual_clock.now() + WEEK;
        let before = self.mesh.text("b", "ca.crt");
        self.mesh.ask(&number.to_string());
        for (phase, step) in [("Announced", 1), ("Draining", 5), ("Stable", 30 * MINUTE)] {
            self.until(phase, step).await;
            self.keep(&format!("{number}-{phase}"), &before);
        }
        self.sizes.push([self.root_secret().to_string().len(), self.mesh.text("a", "tls.crt").len()]);
        while self.mesh.harness.manual_clock.now() < end {
            self.mesh.tick(6 * HOUR).await;
        }
    }

    /// Goes on until the phase is this one, and for two reconciles more: then every Secret is as it stays in it.
    async fn until(&mut self, phase: &str, step: u64) {
        for _ in 0..100 {
            if self.mesh.phase() == phase {
                self.mesh.tick(1).await;
                self.mesh.tick(1).await;
                assert_eq!(self.mesh.phase(), phase);
                return;
            }
            self.mesh.tick(step).await;
        }
        panic!("after {} rotations it is still {}", self.sizes.len(), self.mesh.phase());
    }

    fn root_secret(&self) -> Value {
        let mut secret = self.mesh.harness.server.get(SECRETS, "mtls-system", "mtls-authority-mesh").unwrap();
        // It counts the writes of all clients.
        secret["metadata"]["resourceVersion"] = Value::Null;
        secret
    }

    /// Records the present leaf and bundles, to be judged as of now: the leaf of one identity, by a consumer with the present
    /// bundle of the other, and by one that has kept the bundle from before the rotation.
    fn keep(&mut self, state: &str, before: &str) {
        let at = self.mesh.harness.manual_clock.now();
        let chain = self.write(state, "chain.pem", &self.mesh.text("a", "tls.crt"));
        let key = self.write(state, "key.pem", &self.mesh.text("a", "tls.key"));
        let bundles = [("present.pem", self.mesh.text("b", "ca.crt")), ("former.pem", before.to_owned())];
        for (name, bundle) in bundles {
            let trust = self.write(state, name, &bundle);
            let question = |role| Question {
                chain: chain.clone(),
                key: key.clone(),
                name: "a.orders.svc",
                trust: trust.clone(),
                role,
                at,
            };
            self.questions.extend(Role::ALL.map(question));
        }
    }

    fn write(&self, state: &str, name: &str, text: &str) -> PathBuf {
        let file = self.folder.path().join(format!("{state}-{name}"));
        std::fs::write(&file, text).unwrap();
        file
    }
}

/// The number of verdicts of each verifier, and every refusal.
fn judge(questions: &[Question]) -> (String, Vec<String>) {
    let (mut said, mut refused) = (String::new(), Vec::new());
    for judge in AT_ANY_TIME.iter().filter_map(|find| find()) {
        let verdicts = judge.judge(questions);
        let accepted = verdicts.iter().filter(|verdict| verdict.is_ok()).count();
        writeln!(said, "{}: accepts {accepted} of {}", judge.version(), verdicts.len()).unwrap();
        let pairs = questions.iter().zip(verdicts);
        refused
            .extend(pairs.filter_map(|(question, verdict)| Some(format!("{question}: {}", verdict.err()?))));
    }
    (said, refused)
}

#[tokio::test(start_paused = true)]
async fn after_forty_rotations_nothing_has_grown_and_foreign_verifiers_accept_every_state() {
    let mut course = Course::begin().await;
    let first = course.mesh.harness.manual_clock.now();
    for number in 1..=ROTATIONS {
        course.rotate(number).await;
    }
    let year = SignedDuration::from_hours(24 * 365);
    assert!(
        course.mesh.harness.manual_clock.now() < first + year,
        "all of them are within the lifetime of the first root"
    );
    println!("root Secret and tls.crt after each rotation, in bytes: {:?}", course.sizes);
    let second = course.sizes[1];
    let has_grown =
        |sizes: &&[usize; 2]| (0..2).any(|of| sizes[of].abs_diff(second[of]) > LESS_THAN_A_CERTIFICATE);
    assert_eq!(course.sizes.iter().skip(1).find(has_grown), None, "{:?}", course.sizes);
    assert_eq!(course.questions.len(), ROTATIONS * 3 * 2 * 2);
    let (said, refused) = judge(&course.questions);
    println!("{said}");
    assert!(refused.is_empty(), "{said}{}", refused.join("\n"));
}
