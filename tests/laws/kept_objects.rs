//! Laws of the objects that are kept of identities in the queue: no more than fit, and none longer than its place in the queue.

use mtls_operator::api::MtlsIdentity;
use mtls_operator::operator::scheduler::Scheduler;
use mtls_operator::operator::scheduler::kept_objects::{MAX_OBJECT, MAX_OCTETS};

use super::fixture::identity;
use super::requeue::issued;
use super::scheduler::{at, ready, secret, version};

/// A new identity with labels of this many octets.
fn new(name: &str, ballast: usize) -> MtlsIdentity {
    let mut identity = identity(name);
    identity.metadata.labels = Some([("example.com/ballast".to_owned(), "x".repeat(ballast))].into());
    identity
}

/// Whether the object of each identity whose turn it is was kept, in their order.
fn turns(board: &mut Scheduler) -> Vec<(String, bool)> {
    board.sweep(at(1));
    std::iter::from_fn(|| board.next(at(1))).map(|job| (job.name, job.identity.is_some())).collect()
}

#[test]
fn an_object_is_kept_while_its_identity_waits_in_the_queue_and_no_longer() {
    let mut board = ready();
    board.apply_identity(&issued("web"), true, at(0));
    assert_eq!(board.kept_objects().len(), 1, "its Secret is not listed yet, and seems to be missing");
    board.apply_secret(&secret("web", "7"), true, at(0));
    assert!(board.kept_objects().is_empty() && board.kept_objects().octets() == 0);
    board.apply_identity(&new("db", 0), false, at(0));
    board.apply_identity(&version(new("db", 5), "9"), false, at(0));
    assert_eq!(board.kept_objects().len(), 1, "the newer takes the place of the older");
    assert_eq!(turns(&mut board), [("db".to_owned(), true)]);
    assert!(board.kept_objects().is_empty() && board.kept_objects().octets() == 0);
}

#[test]
fn what_is_kept_is_bounded_in_octets_and_one_large_object_takes_nothing_from_others() {
    let mut board = ready();
    board.apply_identity(&new("large", MAX_OBJECT), false, at(0));
    assert!(board.kept_objects().is_empty());
    for number in 0..1000 {
        board.apply_identity(&new(&format!("web-{number:04}"), MAX_OBJECT / 2), false, at(0));
        assert!(board.kept_objects().octets() <= MAX_OCTETS);
    }
    let kept = board.kept_objects().len();
    assert!((500..800).contains(&kept), "{kept} of half the size of the largest");
    for number in 0..1000 {
        board.remove_identity("orders", &format!("web-{number:04}"), at(0));
    }
    assert_eq!(board.kept_objects().octets(), 0);
}

#[test]
fn usual_objects_are_kept_up_to_2048() {
    let mut board = ready();
    for number in 0..3000 {
        board.apply_identity(&new(&format!("web-{number:04}"), 600), false, at(0));
    }
    assert_eq!(board.kept_objects().len(), 2048);
}
