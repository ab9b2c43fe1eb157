//! `make e2e`: the whole product on a real node, which runs the image, installed by helm. Pods mount their Secrets and shake
//! hands with each other through renewals, a rotation and disruptions. It ends with an error if a check fails, and leaves
//! nothing running.

mod cluster;
mod disruption;
mod handshakes;
mod lifecycle;
mod manifests;
mod mounts;
mod operator;
mod pod_log;
mod policy;
mod probes;
mod propagation;
mod rotation;
mod workloads;

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;

use devcluster::{Obstacle, obstacle};

use cluster::E2eCluster;
use test_support::Failure;
use test_support::reporter::{Reporter, print};

/// How often the kubelet syncs each Pod while time is short. Its default is measured at the end.
const QUICK_SYNC: Duration = Duration::from_secs(1);

/// Exit code on a machine that lacks a requirement and need not have it.
const CANNOT: u8 = 3;

/// Programs that make images, and the Debian packages they come from.
const PACKERS: [(&str, &str); 2] = [("buildah", "buildah"), ("readelf", "binutils")];

/// Without arguments it only says whether this machine can. The arguments are archives of images: the operator's, and
/// that of the peer.
#[tokio::main]
async fn main() -> ExitCode {
    if let Some(obstacle) = obstacle().or_else(cannot_pack) {
        print(&format!("SKIP make e2e: {obstacle}"));
        let must_run = std::env::var_os("MTLS_TEST_REQUIRE_ALL").is_some_and(|value| value == "1");
        let is_curable = matches!(obstacle, Obstacle::Packages(_));
        return if must_run && is_curable { ExitCode::FAILURE } else { CANNOT.into() };
    }
    let images: Vec<PathBuf> = std::env::args().skip(1).map(PathBuf::from).collect();
    if images.is_empty() {
        return ExitCode::SUCCESS;
    }
    let mut reporter = Reporter::default();
    let outcome = play(&mut reporter, images).await;
    reporter.end(outcome)
}

/// Images are made by other programs.
fn cannot_pack() -> Option<Obstacle> {
    let is_missing = |program: &str| Command::new(program).arg("--version").output().is_err();
    let packages: Vec<_> =
        PACKERS.iter().filter(|(program, _)| is_missing(program)).map(|(_, package)| *package).collect();
    (!packages.is_empty()).then_some(Obstacle::Packages(packages))
}

async fn play(reporter: &mut Reporter, images: Vec<PathBuf>) -> Result<(), Failure> {
    Reporter::section("Start a control plane and a node; import the images");
    let started = reporter.clock();
    let cluster = E2eCluster::open(QUICK_SYNC, images).await?;
    reporter.took("a cluster with a node that is Ready", started);
    if let Err(error) = live(reporter, &cluster).await {
        cluster.show_what_is_wrong();
        return Err(error);
    }
    reporter.timed("Stop everything", || cluster.close())
}

async fn live(reporter: &mut Reporter, cluster: &E2eCluster) -> Result<(), Failure> {
    operator::install(reporter, cluster).await?;
    policy::keep_to_the_policy(cluster).await?;
    workloads::settle(reporter, cluster).await?;
    mounts::look(cluster).await?;
    handshakes::by_every_way(cluster).await?;
    handshakes::refuse_unauthorised(cluster).await?;
    say_how_long(reporter);
    // Meanwhile the certificates of the workload Pods fall due.
    probes::run(reporter, cluster).await?;
    say_how_long(reporter);
    rotation::renew(reporter, cluster).await?;
    say_how_long(reporter);
    rotation::rotate(reporter, cluster).await?;
    say_how_long(reporter);
    lifecycle::upgrade_and_reinstall(reporter, cluster).await?;
    say_how_long(reporter);
    propagation::measure(reporter, cluster).await?;
    handshakes::add_up(reporter, cluster).await
}

fn say_how_long(reporter: &Reporter) {
    let seconds = reporter.clock().as_secs();
    Reporter::say(&format!("(so far {}:{:02})", seconds / 60, seconds % 60));
}
