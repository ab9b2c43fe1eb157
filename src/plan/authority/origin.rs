//! Where a CA came from.

/// Where a CA came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The operator generated it.
    Generated,
    /// It was provided, by `spec.root.provided`.
    Provided,
}

impl Origin {
    /// The word in the annotations of a root Secret.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generated => "generated",
            Self::Provided => "provided",
        }
    }

    /// The origin that a word names. A root Secret without the word is of the operator's making.
    #[must_use]
    pub fn parse(word: Option<&str>) -> Self {
        if word == Some(Self::Provided.as_str()) { Self::Provided } else { Self::Generated }
    }

    /// Whether it was provided, so that the operator cannot replace it.
    #[must_use]
    pub const fn is_provided(self) -> bool {
        matches!(self, Self::Provided)
    }
}
