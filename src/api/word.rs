//! A word of a list that later versions of the API may make longer. What this version does not know is kept as it was
//! written: an object with such a word exists like any other, and says which word it is (`docs/api-policy.md`, C6).

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

/// One word of a spec.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Word<T> {
    /// A word of this version.
    Known(T),
    /// A word of another version.
    Unknown(String),
}

impl<T: Copy> Word<T> {
    /// What it means; or the word, where this version does not know it.
    ///
    /// # Errors
    /// The word.
    pub const fn known(&self) -> Result<T, &String> {
        match self {
            Self::Known(value) => Ok(*value),
            Self::Unknown(word) => Err(word),
        }
    }
}

impl<T: Default> Default for Word<T> {
    fn default() -> Self {
        Self::Known(T::default())
    }
}

impl<T> From<T> for Word<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

/// The schema lists the words of this version: the API server refuses all others.
impl<T: JsonSchema> JsonSchema for Word<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::KeyAlgorithm;

    #[test]
    fn a_word_of_another_version_is_kept_as_it_was_written() {
        let known: Word<KeyAlgorithm> = serde_json::from_str("\"ED25519\"").unwrap();
        assert_eq!(known, Word::Known(KeyAlgorithm::Ed25519));
        let unknown: Word<KeyAlgorithm> = serde_json::from_str("\"MLDSA65\"").unwrap();
        assert_eq!(unknown.known(), Err(&"MLDSA65".to_owned()));
        assert_eq!(serde_json::to_string(&unknown).unwrap(), "\"MLDSA65\"");
    }
}
