//! The metadata of a list, also where no more than the beginning of its page could be read.
//!
//! The API server writes the metadata of a list before its objects.

use serde::Deserialize;
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};

/// Of which version a list is, and how to go on with it.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ListHead {
    pub(super) resource_version: Option<String>,
    #[serde(rename = "continue")]
    pub(super) token: Option<String>,
}

/// The metadata of a list whose page breaks off behind them.
pub(super) fn head(beginning: &[u8]) -> Option<ListHead> {
    let mut found = None;
    // That the page breaks off is what is known already.
    let _ = serde_json::Deserializer::from_slice(beginning).deserialize_map(Head(&mut found));
    found
}

struct Head<'a>(&'a mut Option<ListHead>);

impl<'de> Visitor<'de> for Head<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while self.0.is_none()
            && let Some(key) = map.next_key::<String>()?
        {
            if key == "metadata" {
                *self.0 = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metadata_of_a_list_are_read_also_where_its_objects_break_off() {
        let page =
            br#"{"kind":"SecretList","metadata":{"resourceVersion":"7","continue":"next"},"items":[{"met"#;
        let (version, token) = (Some("7".to_owned()), Some("next".to_owned()));
        assert_eq!(head(page), Some(ListHead { resource_version: version, token }));
    }

    #[test]
    fn what_breaks_off_before_its_metadata_has_none() {
        for page in
            [&b""[..], b"{", br#"{"kind":"List","metadata":{"continue":"ne"#, br#"{"items":[{"#, b"[1]"]
        {
            assert_eq!(head(page), None);
        }
    }
}
