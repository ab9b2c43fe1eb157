//! What of an authority's spec this version cannot read, and what follows from that (`docs/api-policy.md`, C6).
//!
//! Permissions fail closed, the root stays as it is, and certificates whose names were permitted before are still renewed.

use std::fmt;

use crate::api::word::Word;

/// What of a spec cannot be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unread(Vec<Unreadable>);

/// One value that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    field: String,
    value: String,
    effect: Effect,
}

/// What follows from a value that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// It selects no namespace.
    SelectsNothing,
    /// It selects no namespace for the trust bundle; what is published stays.
    PublishesNothing,
    /// It grants nothing.
    GrantsNothing,
    /// It is left out of its list.
    Ignored,
    /// The root is not changed.
    FreezesRoot,
}

impl Effect {
    const fn sentence(self) -> &'static str {
        match self {
            Self::SelectsNothing => "no namespace is selected by it",
            Self::PublishesNothing => {
                "the trust bundle is published in no further namespace, and removed from none"
            }
            Self::GrantsNothing => "nothing is granted by it",
            Self::Ignored => "it is ignored",
            Self::FreezesRoot => "the root is neither made nor changed",
        }
    }
}

impl Unreadable {
    fn new(field: &str, effect: Effect) -> Self {
        Self { field: field.to_owned(), value: String::new(), effect }
    }

    /// A value of a selector of namespaces.
    #[must_use]
    pub fn selector(field: &str) -> Self {
        let is_published = field.starts_with("spec.trustBundle");
        Self::new(field, if is_published { Effect::PublishesNothing } else { Effect::SelectsNothing })
    }

    /// A value of a grant.
    #[must_use]
    pub fn grant(field: &str) -> Self {
        Self::new(field, Effect::GrantsNothing)
    }

    /// A value of a list that does without it.
    #[must_use]
    pub fn of_list(field: &str) -> Self {
        Self::new(field, Effect::Ignored)
    }

    /// A value on which changes of the root depend.
    #[must_use]
    pub fn of_root(field: &str) -> Self {
        Self::new(field, Effect::FreezesRoot)
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {:?}: {}", self.field, self.value, self.effect.sentence())
    }
}

impl Unread {
    /// A word, if this version knows it; else it is noted.
    pub fn word<T: Copy>(&mut self, word: &Word<T>, of: impl FnOnce() -> Unreadable) -> Option<T> {
        word.known().map_err(|value| self.note(of(), value)).ok()
    }

    /// A value that was read; else the text is noted.
    pub fn value<T>(&mut self, read: Option<T>, text: &str, of: impl FnOnce() -> Unreadable) -> Option<T> {
        if read.is_none() {
            self.note(of(), text);
        }
        read
    }

    fn note(&mut self, unreadable: Unreadable, value: &str) {
        self.0.push(Unreadable { value: value.to_owned(), ..unreadable });
    }

    /// Whether what identities may have is not fully known.
    #[must_use]
    pub fn hides_permissions(&self) -> bool {
        self.any(&[Effect::SelectsNothing, Effect::GrantsNothing])
    }

    /// Whether where the trust bundle shall be published is not fully known.
    #[must_use]
    pub fn hides_publication(&self) -> bool {
        self.any(&[Effect::PublishesNothing])
    }

    /// Whether the root must stay as it is.
    #[must_use]
    pub fn freezes_root(&self) -> bool {
        self.any(&[Effect::FreezesRoot])
    }

    fn any(&self, effects: &[Effect]) -> bool {
        self.0.iter().any(|unreadable| effects.contains(&unreadable.effect))
    }

    /// What status says of it; nothing where everything was read.
    #[must_use]
    pub fn sentence(&self) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let parts: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        Some(format!(
            "this version of the operator cannot read a part of the spec: {}. Upgrade the operator, or correct the spec",
            parts.join("; ")
        ))
    }
}
