//! Laws of the queue: the order of classes, turns of namespaces, and what holds what up.

use mtls_operator::operator::index::IdentityId;
use mtls_operator::operator::index::digest::Digest;
use mtls_operator::operator::index::time::Millis;
use mtls_operator::operator::scheduler::pacing::Pacing;
use mtls_operator::operator::scheduler::place::Place;
use mtls_operator::operator::scheduler::queue::Queue;
use mtls_operator::operator::scheduler::requeue::Priority;

use super::simulation::START;

fn id(n: u32) -> IdentityId {
    IdentityId::new(n)
}

/// A place in a namespace, in seconds after an hour from the start.
fn place(priority: Priority, urgency: i64, namespace: u64) -> Place {
    Place {
        priority,
        has_failed: false,
        urgency: START / 1000 + 3600 + urgency,
        namespace: Digest::new(namespace + 1).unwrap(),
    }
}

fn failed(place: Place) -> Place {
    Place { has_failed: true, ..place }
}

fn queue(places: &[Place]) -> Queue {
    let mut queue = Queue::default();
    (0..).zip(places).for_each(|(n, place)| queue.push(id(n), *place));
    queue
}

/// All that may begin now, in their order.
fn taken(queue: &mut Queue, now: Millis) -> Vec<usize> {
    std::iter::from_fn(|| queue.pop(now)).map(|(id, _)| id.slot()).collect()
}

#[test]
fn classes_come_before_urgency_and_the_nearest_end_before_later_ones() {
    let mut queue = queue(&[
        place(Priority::Background, 0, 1),
        place(Priority::Due, 500, 1),
        place(Priority::Due, 100, 1),
        place(Priority::New, 900, 1),
    ]);
    assert_eq!(taken(&mut queue, START), [3, 2, 1, 0]);
}

#[test]
fn within_a_class_namespaces_take_turns() {
    let mut queue = queue(&[
        place(Priority::New, 1, 1),
        place(Priority::New, 2, 1),
        place(Priority::New, 3, 1),
        place(Priority::New, 9, 2),
        place(Priority::New, 8, 3),
    ]);
    assert_eq!(taken(&mut queue, START), [0, 3, 4, 1, 2]);
}

#[test]
fn what_has_failed_comes_behind_what_has_not_in_its_class_and_has_one_of_eight_turns() {
    let of = |priority| place(priority, 0, 1);
    let mut places = vec![failed(of(Priority::New)); 3];
    places.extend(vec![of(Priority::New); 14]);
    places.push(of(Priority::Background));
    let order = taken(&mut queue(&places), START);
    let turns: Vec<usize> = (0..3).map(|n| order.iter().position(|taken| *taken == n).unwrap()).collect();
    assert_eq!(turns, [7, 15, 16], "{order:?}");
    assert_eq!(order[17], 17, "a class comes before failures of another");
}

#[test]
fn of_eight_turns_one_is_for_a_renewal_and_more_where_they_need_more() {
    let renewals_among = |end: i64, workers: usize| {
        let mut queue = Queue::default();
        queue.set_workers(workers);
        for n in 0..8 {
            queue.push(id(n), place(Priority::New, 0, u64::from(n)));
        }
        for n in 8..16 {
            queue.push(id(n), Place { urgency: START / 1000 + end, ..place(Priority::Due, 0, u64::from(n)) });
        }
        let turns = (0..8).map(|_| queue.pop(START).unwrap().1);
        turns.filter(|priority| *priority == Priority::Due).count()
    };
    assert_eq!(renewals_among(3600, 16), 1);
    assert_eq!(renewals_among(30, 16), 7, "their end is near");
    assert_eq!(renewals_among(-30, 16), 7, "it has come");
}

#[test]
fn a_namespace_with_half_of_the_workers_comes_after_all_others() {
    let mut queue = Queue::default();
    queue.set_workers(8);
    for n in 0..20 {
        queue.push(id(n), place(Priority::New, 0, 1));
    }
    assert_eq!(taken(&mut queue, START).len(), 7, "one in eight is spared for others");
    queue.push(id(20), place(Priority::Background, 0, 2));
    queue.push(id(21), place(Priority::Background, 0, 2));
    assert_eq!(taken(&mut queue, START), [20], "the spared one");
    queue.done(id(0), START + 1);
    assert_eq!(taken(&mut queue, START + 1), [21], "even what can wait, before a mass of new ones");
}

#[test]
fn what_hangs_is_replaced_up_to_half_of_the_workers() {
    let mut queue = Queue::default();
    queue.set_workers(4);
    for n in 0..20 {
        queue.push(id(n), place(Priority::New, 0, u64::from(n)));
    }
    assert_eq!(taken(&mut queue, START).len(), 4);
    assert_eq!(queue.next_turn(START + 1), Some(START + 1000));
    assert_eq!(taken(&mut queue, START + 1000).len(), 2);
    assert_eq!(taken(&mut queue, START + 90_000).len(), 0);
    queue.done(id(0), START + 90_000);
    assert_eq!(taken(&mut queue, START + 90_000).len(), 1);
}

#[test]
fn what_has_failed_uses_half_of_the_workers_while_others_wait() {
    let mut queue = Queue::default();
    queue.set_workers(8);
    queue.set_pacing(Pacing::of(1));
    for n in 0..20 {
        queue.push(id(n), failed(place(Priority::New, 0, u64::from(n))));
    }
    for n in 20..23 {
        queue.push(id(n), place(Priority::Due, 0, u64::from(n)));
    }
    let begun = taken(&mut queue, START);
    assert_eq!(
        begun.iter().filter(|n| **n < 20).count(),
        4,
        "renewals wait, if only for their pace: {begun:?}"
    );
    (20..23).for_each(|n| queue.remove(id(n)));
    assert_eq!(taken(&mut queue, START).len(), 3, "one is spared for what has not failed");
}

#[test]
fn what_can_wait_leaves_its_turn_to_what_cannot() {
    let mut queue = queue(&[place(Priority::Background, 0, 1), place(Priority::Background, 0, 1)]);
    queue.set_pacing(Pacing::of(1));
    assert_eq!(queue.pop(START), Some((id(0), Priority::Background)));
    assert_eq!((queue.pop(START + 5), queue.next_turn(START + 5)), (None, Some(START + 1000)));
    for (n, priority) in [(3, Priority::New), (4, Priority::Due), (5, Priority::New)] {
        queue.push(id(n), place(priority, 0, 1));
    }
    assert_eq!(taken(&mut queue, START + 5), [3, 5, 4]);
    for n in [3, 5] {
        queue.done(id(n), START + 5);
    }
    queue.done(id(0), START + 10);
    assert_eq!((queue.pop(START + 10), queue.next_turn(START + 10)), (None, Some(START + 20)), "it rests");
    assert_eq!(queue.next_turn(START + 20), Some(START + 20));
    assert_eq!(queue.pop(START + 20), Some((id(1), Priority::Background)));
    assert_eq!(queue.next_turn(START + 20), None, "none waits");
}

#[test]
fn what_can_wait_does_not_wait_for_renewals_that_may_not_begin() {
    let mut queue =
        queue(&[place(Priority::Due, 0, 1), place(Priority::Due, 0, 1), place(Priority::Background, 0, 1)]);
    queue.set_pacing(Pacing::of(1));
    assert_eq!(taken(&mut queue, START), [0, 2]);
}

#[test]
fn an_identity_waits_once_in_its_best_place() {
    let mut queue = Queue::default();
    for priority in [Priority::Background, Priority::New, Priority::Due] {
        queue.push(id(1), place(priority, 0, 1));
    }
    assert_eq!(queue.pop(START), Some((id(1), Priority::New)));
    assert_eq!(queue.pop(START), None);
}

#[test]
fn an_identity_in_work_is_not_handed_out_again_until_it_is_done() {
    let mut queue = queue(&[place(Priority::New, 0, 1)]);
    queue.pop(START);
    queue.push(id(0), place(Priority::New, 0, 1));
    assert_eq!(queue.pop(START), None);
    assert!(queue.done(id(0), START));
    assert_eq!(queue.pop(START), Some((id(0), Priority::New)));
    assert!(!queue.done(id(0), START));
}
