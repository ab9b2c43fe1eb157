//! Conditions as kstatus reads them: `Ready` always, `Stalled` only while the user must act.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;

/// Condition type: the object is what its spec asks for.
pub const READY: &str = "Ready";
/// Condition type: the roots of an authority are changing. Its reason is the phase; that of `Ready`, while the phase is unknown.
pub const ROTATING: &str = "Rotating";
/// Condition type: the Pods serve what was issued, and trust the roots that they should. Only with `spec.probes`.
pub const SERVING: &str = "Serving";
/// Condition type: the trust bundle of an authority is published wherever its spec asks for. Absent where it asks for none.
pub const PUBLISHED: &str = "Published";
/// Condition type: nothing more will happen until the user acts. Absent otherwise.
pub const STALLED: &str = "Stalled";

/// The reason of a condition.
pub trait Reason: Copy {
    /// The word, in `PascalCase`.
    fn as_str(self) -> &'static str;
}

/// What `Ready` and `Stalled` say of an object: one value, from which both conditions, the log and the metric are rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready<R> {
    /// Status of `Ready`.
    pub ready: bool,
    /// Whether `Stalled` is present: the user must act.
    pub stalled: bool,
    /// The reason of both.
    pub reason: R,
    /// One sentence for people.
    pub message: String,
}

impl<R: Reason> Ready<R> {
    /// The conditions that say this, keeping the transition times of `before` where the status stays.
    #[must_use]
    pub fn conditions(
        &self,
        before: &[Condition],
        generation: Option<i64>,
        now: Timestamp,
    ) -> Vec<Condition> {
        let mut conditions = vec![self.condition(READY, self.ready, before, generation, now)];
        if self.stalled {
            conditions.push(self.condition(STALLED, true, before, generation, now));
        }
        conditions
    }

    fn condition(
        &self,
        type_: &str,
        holds: bool,
        before: &[Condition],
        generation: Option<i64>,
        now: Timestamp,
    ) -> Condition {
        let status = if holds { "True" } else { "False" };
        stated(type_, (status, self.reason.as_str(), &self.message), before, generation, now)
    }
}

/// A condition with this status, reason and message. Its transition time stays where its status does.
#[must_use]
pub fn stated(
    type_: &str,
    (status, reason, message): (&str, &str, &str),
    before: &[Condition],
    generation: Option<i64>,
    now: Timestamp,
) -> Condition {
    let since = before
        .iter()
        .find(|c| c.type_ == type_ && c.status == status)
        .map_or(Time(now), |c| c.last_transition_time.clone());
    Condition {
        type_: type_.into(),
        status: status.into(),
        reason: reason.into(),
        message: message.into(),
        last_transition_time: since,
        observed_generation: generation,
    }
}

/// The condition of this type, if it is there.
#[must_use]
pub fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|c| c.type_ == type_)
}

/// Puts the conditions of an object in the one order in which they are written: two that write the same in another order
/// would correct each other for ever.
pub fn put_in_order(conditions: &mut [Condition]) {
    const ORDER: [&str; 5] = [READY, STALLED, ROTATING, PUBLISHED, SERVING];
    conditions.sort_by_key(|condition| {
        ORDER.iter().position(|type_| *type_ == condition.type_).unwrap_or(ORDER.len())
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy)]
    struct Issued;

    impl Reason for Issued {
        fn as_str(self) -> &'static str {
            "Issued"
        }
    }

    fn ready(ready: bool, stalled: bool) -> Ready<Issued> {
        Ready { ready, stalled, reason: Issued, message: "m".into() }
    }

    #[test]
    fn the_transition_time_moves_only_when_the_status_does() {
        let (t0, t1) = (Timestamp::UNIX_EPOCH, Timestamp::new(60, 0).unwrap());
        let first = ready(true, false).conditions(&[], Some(1), t0);
        let same = ready(true, false).conditions(&first, Some(2), t1);
        assert_eq!(same[0].last_transition_time.0, t0);
        let turned = ready(false, false).conditions(&same, Some(2), t1);
        assert_eq!(turned[0].last_transition_time.0, t1);
    }

    #[test]
    fn stalled_is_absent_unless_a_person_must_act() {
        let now = Timestamp::UNIX_EPOCH;
        assert!(find(&ready(false, false).conditions(&[], None, now), STALLED).is_none());
        assert!(find(&ready(false, true).conditions(&[], None, now), STALLED).is_some());
    }
}
