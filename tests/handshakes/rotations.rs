//! Rotations with all safeguards, and without some of them, which shows that the first can fail. Each takes a minute
//! and a half of real time, so all go on side by side, on one control plane.

use std::future::Future;
use std::sync::{LazyLock, Mutex};
use std::thread::JoinHandle;

use mtls_operator::api::authority::Phase;
use tokio::runtime::Runtime;

use crate::consumers::{Consumers, Lifetime};
#[cfg(feature = "weakened")]
use crate::mutants;
use crate::pairwise::{Counts, PairwiseLoad};
use test_support::cluster::TestCluster;
use test_support::cut::not_run;
use test_support::installation::SYSTEM;

/// How many rotations follow each other at full size.
const ROTATIONS: u32 = 3;
/// Consumers of each authority.
pub const CONSUMERS: usize = 20;

/// The rotations, which begin together.
pub static ALL: LazyLock<Rotations> = LazyLock::new(Rotations::begin);

/// The rotations that go on side by side.
pub struct Rotations {
    honest: Running,
    #[cfg(feature = "weakened")]
    pub without_crosses: Running,
    #[cfg(feature = "weakened")]
    pub without_both: Running,
}

impl Rotations {
    fn begin() -> Self {
        Self {
            honest: Running::begin(honest()),
            #[cfg(feature = "weakened")]
            without_crosses: Running::begin(mutants::without_crosses()),
            #[cfg(feature = "weakened")]
            without_both: Running::begin(mutants::without_both()),
        }
    }
}

/// Rotations under way, in a thread of their own.
pub struct Running(Mutex<Option<JoinHandle<Counts>>>);

impl Running {
    fn begin(rotations: impl Future<Output = Counts> + Send + 'static) -> Self {
        let thread = std::thread::spawn(move || Runtime::new().unwrap().block_on(rotations));
        Self(Mutex::new(Some(thread)))
    }

    /// Waits for their end. A panic is repeated here: its message went to the test that began all of them.
    pub fn end(&self) -> Counts {
        let thread = self.0.lock().unwrap().take().unwrap();
        thread.join().unwrap_or_else(|panic| {
            let formatted = panic.downcast_ref::<String>().map(String::as_str);
            let message = formatted.or_else(|| panic.downcast_ref::<&str>().copied());
            panic!("{}", message.unwrap_or("no message"))
        })
    }
}

pub fn is_at_full_size() -> bool {
    std::env::var_os("MTLS_PROOF").is_some()
}

/// How many rotations follow each other with all safeguards.
fn rotations() -> u32 {
    if is_at_full_size() { ROTATIONS } else { 1 }
}

/// Rotations by the operator as it is shipped. The authority names its operator: those without safeguards run as well, and
/// would claim one that names none, and then not see its identities.
async fn honest() -> Counts {
    let group = Consumers::start(
        TestCluster::shared().namespace().await,
        Some(SYSTEM),
        CONSUMERS,
        Lifetime::SHORTEST,
    )
    .await;
    let load = PairwiseLoad::begin(vec![group.all.clone()]);
    for request in 1..=rotations() {
        rotate(&group, &load, &request.to_string()).await;
    }
    load.end()
}

/// One rotation, each phase of which is a period of the load. The last one, which would go on, takes one round.
async fn rotate(group: &Consumers, load: &PairwiseLoad, request: &str) {
    group.ask(request).await;
    for phase in [Phase::Announced, Phase::Draining, Phase::Stable] {
        group.reaches(request, phase).await;
        load.enter(format!("{} of rotation {request}", phase.as_str()));
    }
    load.round().await;
}

#[test]
fn no_handshake_fails_while_the_root_rotates() {
    if rotations() < ROTATIONS {
        not_run(ROTATIONS - rotations(), "rotations that follow the first under handshakes");
    }
    let counts = ALL.honest.end();
    println!("Rotations one after the other: {}. {counts}", rotations());
    assert!(counts.failures.is_empty(), "{counts}\n{:#?}", counts.failures);
    assert_eq!(counts.untried(), [], "{counts}");
    // The first phase takes ten seconds: several rounds, but not one on a machine that is busy with other tests. The others
    // take a minute and more.
    let is_short = |name: &str| name.starts_with(Phase::Announced.as_str()) && !is_at_full_size();
    let mut few = counts.periods_of_fewer(counts.pairs);
    few.retain(|(name, pairs)| !is_short(name) || *pairs == 0);
    assert_eq!(few, [], "{counts}");
}
