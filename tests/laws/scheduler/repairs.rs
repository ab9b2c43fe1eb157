//! The pause between repairs that another client undoes, and what interrupts it.

use super::{at, secret, settled, take, turns, version};
use crate::requeue::{END, issued};

/// The first moment at which the leaf has ended.
const ENDED: i64 = (END + 1) * 1000;

#[test]
fn a_pause_of_repairs_is_interrupted_once_where_the_leaf_ends_that_status_calls_ready() {
    let (mut scheduler, now) = (settled(), ENDED - 10_000);
    scheduler.apply_secret(&secret("web", "8"), false, now);
    let job = take(&mut scheduler, now);
    (0..12).for_each(|_| scheduler.repaired(job.id, now));
    let pause = scheduler.repair_pause(job.id, now).unwrap();
    assert!(pause.until > ENDED + 60_000, "{pause:?}");
    scheduler.done(job.id, false, now);
    assert_eq!(turns(&mut scheduler, ENDED - 1), [""; 0]);
    let job = take(&mut scheduler, ENDED);
    assert!(scheduler.repair_pause(job.id, ENDED).is_some(), "the repair itself waits on");
    let mut expired = version(issued("web"), "2");
    let ready = &mut expired.status.as_mut().unwrap().conditions[0];
    (ready.status, ready.reason) = ("False".into(), "Expired".into());
    scheduler.apply_identity(&expired, false, ENDED);
    scheduler.done(job.id, false, ENDED);
    assert_eq!(turns(&mut scheduler, pause.until - 1), [""; 0], "status says so");
    assert_eq!(turns(&mut scheduler, pause.until), ["web"]);
}

#[test]
fn a_status_that_cannot_be_written_at_the_end_of_a_leaf_is_tried_again_with_pauses() {
    let (mut scheduler, now) = (settled(), at(0));
    scheduler.apply_secret(&secret("web", "8"), false, now);
    let job = take(&mut scheduler, ENDED);
    (0..12).for_each(|_| scheduler.repaired(job.id, ENDED));
    assert!(scheduler.repair_pause(job.id, ENDED).is_some());
    scheduler.done(job.id, true, ENDED);
    let mut tried = 0;
    for now in (0..600).map(|tenth| ENDED + tenth * 100) {
        scheduler.sweep(now);
        while let Some(job) = scheduler.next(now) {
            tried += 1;
            scheduler.done(job.id, true, now);
        }
    }
    assert!((3..=10).contains(&tried), "{tried} times in a minute");
}
