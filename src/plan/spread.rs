//! A step of a rotation reaches every Secret within its window, each in a slot of its own.
//!
//! The slot is derived from the uid, so that every replica computes the same, and a mass of Secrets is not written at once.

use jiff::Timestamp;

use crate::pki::sha256;

/// A step of a rotation: from when until when Secrets follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RolloutWindow {
    /// When it began.
    pub began: Timestamp,
    /// When the last Secret has followed.
    pub ends: Timestamp,
}

/// From when on something is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// At once.
    AtOnce,
    /// From this second since 1970.
    At(i64),
}

impl Due {
    /// Whether the time has come, in seconds since 1970.
    #[must_use]
    pub const fn has_come(self, now: i64) -> bool {
        match self {
            Self::AtOnce => true,
            Self::At(second) => second <= now,
        }
    }
}

/// Where in every window an identity has its slot, as a fraction of 65,536.
#[must_use]
pub fn slot(uid: &str) -> u16 {
    let [a, b, ..] = sha256(format!("slot/{uid}").as_bytes());
    u16::from_be_bytes([a, b])
}

impl RolloutWindow {
    /// When a Secret follows, in seconds since 1970: with its own renewal where that falls inside the window, else in its slot.
    /// `renewal` is `None` where there will be none.
    #[must_use]
    pub fn due_at(self, slot: u16, renewal: Option<i64>) -> i64 {
        let (began, ends) = (self.began.as_second(), self.ends.as_second());
        match renewal {
            Some(renewal) if renewal <= ends => renewal,
            _ => began + (ends - began) * i64::from(slot) / 65_536,
        }
    }
}
