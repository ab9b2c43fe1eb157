//! A step of a rotation reaches every Secret within its window, each in a slot of its own: derived from the uid, so
//! that every replica computes the same, and a mass of Secrets is not written at once.

use jiff::Timestamp;

use crate::pki::sha256;

/// A step of a rotation: from when until when Secrets follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// When it began.
    pub began: Timestamp,
    /// When the last Secret has followed.
    pub ends: Timestamp,
}

/// Where in every step's window an identity has its slot, as a fraction of 65,536.
#[must_use]
pub fn fraction(uid: &str) -> u16 {
    let [a, b, ..] = sha256(format!("slot/{uid}").as_bytes());
    u16::from_be_bytes([a, b])
}

/// When a Secret follows a step, in seconds since 1970: with its own renewal where that falls inside the window, else
/// in its slot. `renewal` is `None` where there will be none.
#[must_use]
pub fn turn(step: Step, fraction: u16, renewal: Option<i64>) -> i64 {
    let (began, ends) = (step.began.as_second(), step.ends.as_second());
    match renewal {
        Some(renewal) if renewal <= ends => renewal,
        _ => began + (ends - began) * i64::from(fraction) / 65_536,
    }
}
