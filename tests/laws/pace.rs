//! Laws of the pace: workers follow what the API server answers well, and what can wait uses what is free.

use mtls_operator::operator::index::time::Millis;
use mtls_operator::operator::scheduler::requeue::Priority;
use mtls_operator::operator::scheduler::workers::WorkerCount::{Adaptive, Fixed};

use super::api_server::{Load, Model, percentile};

const MASS: Load = Load::mass(Priority::New, 20);
const BACKGROUND: Load = Load::mass(Priority::Background, 20);
/// A new identity each second.
const EACH_SECOND: Load = Load { every: Some(1000), ..MASS };

/// The fewest and the most workers at the end of each of so many seconds.
fn workers(model: &mut Model, seconds: usize) -> (usize, usize) {
    let counts: Vec<usize> = (0..seconds).map(|_| (model.run(1), model.workers()).1).collect();
    (*counts.iter().min().unwrap(), *counts.iter().max().unwrap())
}

#[test]
fn workers_are_about_as_many_as_an_api_server_answers_side_by_side() {
    for cores in [12, 16, 24, 32] {
        let mut model = Model::new(Adaptive, cores, &[MASS]);
        model.run(2);
        let (fewest, most) = workers(&mut model, 20);
        let cores = usize::try_from(cores).unwrap();
        assert!(cores <= fewest && most <= 2 * cores + 2, "{cores} cores: {fewest} to {most} workers");
        let answered = model.run(10)[0].len();
        assert!(answered >= cores * 500 * 9 / 10, "{cores} cores: {answered}");
    }
}

#[test]
fn workers_are_between_eight_and_sixty_four() {
    let few = workers(&mut Model::new(Adaptive, 1, &[MASS]), 20);
    assert!(few.0 >= 8 && few.1 <= 20, "{few:?}");
    let mut fast = Model::new(Adaptive, 1000, &[MASS]);
    fast.run(2);
    assert_eq!(workers(&mut fast, 5), (64, 64));
}

#[test]
fn a_number_that_people_give_stays() {
    let mut model = Model::new(Fixed(32), 2, &[MASS]);
    assert_eq!(workers(&mut model, 5), (32, 32));
    model.queue.start_slowly();
    assert_eq!(workers(&mut model, 5), (32, 32));
}

#[test]
fn workers_become_fewer_when_the_api_server_becomes_slower_and_more_when_it_recovers() {
    let mut model = Model::new(Adaptive, 32, &[MASS]);
    model.run(5);
    let before = workers(&mut model, 10);
    model.cores = 12;
    model.run(2);
    let slow = workers(&mut model, 10);
    assert!(slow.1 < before.0, "{before:?} {slow:?}");
    model.cores = 32;
    model.run(2);
    let after = workers(&mut model, 10);
    assert!(after.0 > slow.1 && after.0 >= 32, "{slow:?} {after:?}");
}

#[test]
fn answers_that_take_long_however_few_are_asked_for_make_workers_no_fewer() {
    let mut model = Model::new(Adaptive, 32, &[MASS]);
    model.run(5);
    // As many are answered side by side, but each takes three times as long.
    model.slow_down(3);
    model.run(10);
    let (fewest, _) = workers(&mut model, 10);
    assert!(fewest >= 32, "{fewest}");
}

#[test]
fn a_webhook_that_hangs_makes_workers_no_fewer() {
    let hanging = Load { namespaces: 1, hangs: 10_000, ..MASS };
    let mut model = Model::new(Adaptive, 24, &[MASS, hanging]);
    model.run(15);
    let (fewest, _) = workers(&mut model, 15);
    assert!(fewest >= 24, "{fewest}");
}

#[test]
fn after_each_pause_that_the_api_server_asks_for_workers_are_half_as_many_down_to_one() {
    let mut model = Model::new(Adaptive, 24, &[MASS]);
    model.run(5);
    let mut before = model.workers();
    while before > 1 {
        model.queue.start_slowly();
        assert_eq!(model.workers(), before.div_ceil(2));
        before = model.workers();
    }
    model.queue.start_slowly();
    assert_eq!(model.workers(), 1);
    model.run(30);
    assert!(model.workers() >= 24, "{}", model.workers());
}

/// New identities, one each second, beside what can wait: how long they take in a hundred where they are alone and where they are
/// not, and how much of what can wait is answered a second.
fn beside(cores: u64, background: Load) -> ([Millis; 2], usize) {
    let quiet = Model::new(Adaptive, cores, &[EACH_SECOND]).run(100);
    let busy = Model::new(Adaptive, cores, &[EACH_SECOND, background]).run(100);
    ([&quiet[0], &busy[0]].map(|took| percentile(took, 99)), busy[1].len() / 100)
}

#[test]
fn what_can_wait_uses_what_is_free() {
    for (cores, rate) in [(2, 90), (4, 180), (8, 350), (32, 600)] {
        let (_, answered) = beside(cores, BACKGROUND);
        assert!(answered >= rate, "{cores} cores: {answered} a second");
    }
}

#[test]
fn a_new_identity_beside_what_can_wait_takes_at_most_twice_as_long() {
    for cores in [2, 4, 8, 32] {
        let ([quiet, busy], _) = beside(cores, BACKGROUND);
        assert!(busy <= 2 * quiet, "{cores} cores: {quiet} and {busy} ms");
    }
}

#[test]
fn what_can_wait_goes_on_beside_new_identities_without_end_of_one_namespace() {
    let flood = Load { namespaces: 1, ..MASS };
    let mut model = Model::new(Adaptive, 2, &[flood, BACKGROUND]);
    let answered = model.run(60)[1].len();
    assert!(answered >= 50, "{answered} in a minute");
}

#[test]
fn renewals_of_certificates_that_peers_refuse_are_made_at_the_rate_of_fresh_ones() {
    let refused = Load { priority: Priority::Due, ends: 0, ..MASS };
    let [fresh, renewed] = [MASS, refused].map(|load| {
        let mut model = Model::new(Adaptive, 24, &[load]);
        model.run(30)[0].len()
    });
    assert!(renewed * 100 >= fresh * 95, "{fresh} and {renewed}");
}
