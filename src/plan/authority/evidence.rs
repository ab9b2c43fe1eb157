//! What shows that a root existed which the root Secret does not hold.

/// Evidence of a root that is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// What is missing, and what shows it: a sentence.
    pub what: String,
    /// What to do if there was no such root: a sentence, where what shows it can be restored or forged.
    pub otherwise: Option<String>,
}

impl Evidence {
    /// Evidence that only the operator can have written.
    #[must_use]
    pub const fn proven(what: String) -> Self {
        Self { what, otherwise: None }
    }

    /// Evidence that users of a namespace can have written, and what to do in that case.
    #[must_use]
    pub const fn claimed(what: String, otherwise: String) -> Self {
        Self { what, otherwise: Some(otherwise) }
    }
}
