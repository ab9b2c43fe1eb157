//! Isolation (I12): whatever the users of one namespace do, another namespace is served as if it had half of the workers.

use mtls_operator::operator::index::time::Millis;
use mtls_operator::operator::scheduler::requeue::Priority;
use mtls_operator::operator::scheduler::workers::WorkerCount;
use proptest::collection::vec;
use proptest::prelude::*;
use test_support::properties;

use super::simulation::{Simulation, Task};

/// The namespace whose users are hostile, and the one that must not notice.
const HOSTILE: u64 = 1;
const OTHER: u64 = 2;

/// The fewest workers where their number follows the API server.
const FEWEST: usize = 8;
/// What a worker that hangs is waited for, and the work that is under way when a renewal falls due.
const SLACK: Millis = 3000;

/// Any behaviour: any class, any time in work, failing or not, coming again at once or later, with leaves that end at any time.
fn hostile() -> impl Strategy<Value = Vec<Task>> {
    let takes = prop_oneof![20..200_i64, 200..1100_i64, 1100..40_000_i64];
    let again = prop_oneof![Just(0_i64), 0..2000_i64, 2000..20_000_i64];
    let behaviour = (0..3_usize, takes, again, any::<bool>(), 1000..60_000_i64, 1..300_usize);
    let tasks = |(class, takes, again, fails, end, count)| {
        let priority = Priority::ALL[class];
        let task = Task { fails, again: Some(again), ..Task::renewal(HOSTILE, 0, end, takes) };
        vec![Task { priority, ..task }; count]
    };
    vec(behaviour.prop_map(tasks), 1..4).prop_map(|groups| groups.concat())
}

/// Renewals of another namespace, which fall due in waves.
fn renewals() -> impl Strategy<Value = Vec<Task>> {
    let wave = (0..15_000_i64, 10_000..25_000_i64, 10..400_i64, 1..120_usize);
    let tasks = |(from, margin, takes, count)| vec![Task::renewal(OTHER, from, from + margin, takes); count];
    vec(wave.prop_map(tasks), 1..3).prop_map(|waves| waves.concat())
}

/// Whether each of the first tasks has ended before the end of its leaf.
fn all_in_time(tasks: &[Task], simulation: &Simulation, slack: Millis) -> bool {
    tasks.iter().zip(&simulation.ended).all(|(task, ended)| ended.is_some_and(|at| at + slack <= task.end))
}

proptest! {
    #![proptest_config(properties::cases(env!("CARGO_CRATE_NAME"), 48))]

    #[test]
    fn a_namespace_renews_in_time_if_it_could_alone_at_half_speed(
        workers in 2..12_usize,
        renewals in renewals(),
        hostile in hostile(),
    ) {
        let slower: Vec<Task> = renewals.iter().map(|task| Task { takes: 2 * task.takes, ..*task }).collect();
        // Half of an odd number of workers is the smaller half.
        let alone = Simulation::of(workers / 2 * 2, &slower).run(60_000);
        prop_assume!(all_in_time(&slower, &alone, SLACK));
        let beside = Simulation::of(workers, &[renewals.clone(), hostile].concat()).run(60_000);
        prop_assert!(all_in_time(&renewals, &beside, 0), "{:?}", beside.ended);
        prop_assert!(beside.most <= workers + workers / 2);
    }

    /// The workers that follow the API server are never fewer than so many for others.
    #[test]
    fn a_namespace_renews_in_time_beside_any_other_if_it_could_with_the_fewest_workers_at_half_speed(
        renewals in renewals(),
        hostile in hostile(),
    ) {
        let slower: Vec<Task> = renewals.iter().map(|task| Task { takes: 2 * task.takes, ..*task }).collect();
        let alone = Simulation::of(FEWEST, &slower).run(60_000);
        prop_assume!(all_in_time(&slower, &alone, SLACK));
        let beside = Simulation::of(WorkerCount::Adaptive, &[renewals.clone(), hostile].concat()).run(60_000);
        prop_assert!(all_in_time(&renewals, &beside, 0), "{:?}", beside.ended);
    }
}

/// When the last of the first so many tasks ended, if all of them have.
fn last(simulation: &Simulation, count: usize) -> Option<Millis> {
    simulation.ended.iter().take(count).copied().collect::<Option<Vec<_>>>()?.into_iter().max()
}

#[test]
fn identities_behind_a_webhook_that_hangs_hold_no_other_namespace_up() {
    let hanging = Task { fails: true, again: Some(300_000), ..Task::new(HOSTILE, 0, 10_000) };
    let newcomers: Vec<Task> = (60..600).map(|second| Task::new(OTHER, second * 1000, 20)).collect();
    let tasks = [newcomers.clone(), vec![hanging; 800]].concat();
    let simulation = Simulation::of(32, &tasks).run(700_000);
    let waits = newcomers.iter().zip(&simulation.ended).map(|(task, ended)| ended.unwrap() - task.from);
    assert!(waits.max().unwrap() <= 1020, "a newcomer waited for what hangs");
}

#[test]
fn identities_that_hang_in_many_namespaces_hold_no_other_up_once_they_have_failed() {
    let hanging = |n: u64| Task { fails: true, again: Some(1000), ..Task::new(100 + n % 50, 0, 10_000) };
    let newcomers: Vec<Task> = (300..600).map(|second| Task::new(OTHER, second * 1000, 20)).collect();
    let tasks = [newcomers.clone(), (0..800).map(hanging).collect()].concat();
    let simulation = Simulation::of(32, &tasks).run(700_000);
    let waits = newcomers.iter().zip(&simulation.ended).map(|(task, ended)| ended.unwrap() - task.from);
    assert!(waits.max().unwrap() <= 20, "half of the workers, or more, were kept from a newcomer");
}

#[test]
fn a_tenant_that_asks_for_renewals_without_end_starves_no_renewal() {
    let toggled = Task { again: Some(0), ..Task::new(HOSTILE, 0, 50) };
    let renewals = vec![Task::renewal(OTHER, 1000, 21_000, 50); 40];
    let tasks = [renewals.clone(), vec![toggled; 300]].concat();
    for workers in [1, 2, 8, 32] {
        let simulation = Simulation::of(workers, &tasks).run(60_000);
        assert!(all_in_time(&renewals, &simulation, 0), "{workers} workers: {:?}", last(&simulation, 40));
    }
}

#[test]
fn a_tenant_whose_renewals_are_always_near_their_end_leaves_half_of_the_workers_to_another() {
    let flood = Task { again: Some(0), ..Task::renewal(HOSTILE, 0, 0, 100) };
    let newcomers = vec![Task::new(OTHER, 1000, 100); 200];
    let tasks = [newcomers, vec![flood; 300]].concat();
    let simulation = Simulation::of(8, &tasks).run(60_000);
    // 20 s of work, by four workers.
    let last = last(&simulation, 200).unwrap();
    assert!(last <= 1000 + 5000 + 500, "{last}");
}

#[test]
fn many_namespaces_that_start_at_once_leave_renewals_an_eighth_of_the_turns() {
    let fresh = (0..2000).map(|n| Task::new(100 + n % 100, 0, 100));
    let renewals: Vec<Task> = (0..100).map(|n| Task::renewal(1000 + n, 0, 86_400_000, 100)).collect();
    let tasks: Vec<Task> = renewals.into_iter().chain(fresh).collect();
    let simulation = Simulation::of(8, &tasks).run(60_000);
    // 80 turns a second, and one of eight of them is a renewal's.
    let last = last(&simulation, 100).unwrap();
    assert!((9_000..=11_000).contains(&last), "{last}");
}

#[test]
fn renewals_that_take_long_are_as_many_at_once_as_they_need() {
    // 12.5 a second that take 0.9 s each need twelve workers; the API server has become slow.
    let renewals: Vec<Task> = (0..1500).map(|n| Task::renewal(OTHER, n * 80, n * 80 + 60_000, 900)).collect();
    let simulation = Simulation::of(32, &renewals).run(300_000);
    assert!(all_in_time(&renewals, &simulation, 0));
}

#[test]
fn what_has_failed_is_tried_again_beside_a_namespace_that_always_has_something_new() {
    let flood = Task { again: Some(0), ..Task::new(HOSTILE, 0, 50) };
    let unlucky = Task { fails: true, again: Some(500), ..Task::new(OTHER, 0, 50) };
    for workers in [1, 2, 32] {
        let tasks = [vec![unlucky], vec![flood; 300]].concat();
        let simulation = Simulation::of(workers, &tasks).run(60_000);
        assert!(simulation.attempts(0) > 20, "{workers} workers: {} attempts", simulation.attempts(0));
    }
}
