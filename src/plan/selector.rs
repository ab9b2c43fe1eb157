//! Which namespaces a selector selects, by the rules of Kubernetes label selectors.
//!
//! What cannot be read selects nothing: a selector that this version misunderstands must not open what was closed.
//! The rules and the form for people are those of `kube::core::Selector`; what it does not have is all, nothing and unreadable.

use std::collections::BTreeMap;

use kube::core::{Expression, Selector, SelectorExt as _};

use super::unread_spec::{Unread, Unreadable};
use crate::api::authority::{From, NamespaceSelector, Operator, Requirement};
use crate::api::word::Word;

/// Labels of a namespace.
pub type Labels = BTreeMap<String, String>;

/// A selector of namespaces, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Every namespace.
    All,
    /// Namespaces that meet every requirement. There is at least one.
    Labelled(Selector),
    /// No namespace.
    Nothing,
    /// This version does not know which.
    Unreadable,
}

/// How what cannot be read is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// It permits nothing.
    Strict,
    /// It permits whatever it may permit.
    Generous,
}

impl Selection {
    /// Reads a selector that stands in this field of a spec. What cannot be read is noted.
    #[must_use]
    pub fn parse(selector: &NamespaceSelector, field: &str, unread: &mut Unread) -> Self {
        let labels = selector.match_labels.iter();
        let labels = labels.map(|(key, value)| Some(Expression::Equal(key.clone(), value.clone())));
        let expressions = selector.match_expressions.iter().map(|requirement| {
            let operator = unread.word(&requirement.operator, || {
                Unreadable::selector(&format!("{field}.matchExpressions[].operator"))
            })?;
            Some(expression(requirement, operator))
        });
        let requirements: Option<Selector> = labels.chain(expressions).collect();
        let from = selector.from.clone().unwrap_or(Word::Known(From::Selector));
        let from = unread.word(&from, || Unreadable::selector(&format!("{field}.from")));
        match (from, requirements) {
            (None, _) | (_, None) => Self::Unreadable,
            (Some(From::All), Some(requirements)) if requirements.selects_all() => Self::All,
            (Some(From::Selector), Some(requirements)) if !requirements.selects_all() => {
                Self::Labelled(requirements)
            }
            _ => Self::Nothing,
        }
    }

    /// Whether it selects a namespace with these labels.
    #[must_use]
    pub fn selects(&self, labels: &Labels) -> bool {
        self.selects_by(labels, Reading::Strict)
    }

    /// The same, by this reading of what cannot be read.
    #[must_use]
    pub fn selects_by(&self, labels: &Labels, reading: Reading) -> bool {
        match self {
            Self::All => true,
            Self::Labelled(requirements) => requirements.matches(labels),
            Self::Nothing => false,
            Self::Unreadable => reading == Reading::Generous,
        }
    }

    /// The selection in words: labels as `kubectl -l` takes them.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::All => "all namespaces".into(),
            Self::Labelled(requirements) => requirements.to_string(),
            Self::Nothing | Self::Unreadable => "no namespace".into(),
        }
    }
}

/// One requirement. One value is shown as `key=value`.
fn expression(requirement: &Requirement, operator: Operator) -> Expression {
    let key = requirement.key.clone();
    match (operator, requirement.values.as_slice()) {
        (Operator::In, [value]) => Expression::Equal(key, value.clone()),
        (Operator::In, values) => Expression::In(key, values.iter().cloned().collect()),
        (Operator::NotIn, values) => Expression::NotIn(key, values.iter().cloned().collect()),
        (Operator::Exists, _) => Expression::Exists(key),
        (Operator::DoesNotExist, _) => Expression::DoesNotExist(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    fn read(selector: &NamespaceSelector) -> (Selection, Unread) {
        let mut unread = Unread::default();
        let selection = Selection::parse(selector, "spec.namespaces", &mut unread);
        (selection, unread)
    }

    fn expression(operator: impl Into<Word<Operator>>, values: &[&str]) -> NamespaceSelector {
        let values = values.iter().map(ToString::to_string).collect();
        let requirement = Requirement { key: "team".into(), operator: operator.into(), values };
        NamespaceSelector { match_expressions: vec![requirement], ..Default::default() }
    }

    #[test]
    fn all_is_said_by_its_word_only() {
        assert_eq!(read(&NamespaceSelector::all()).0, Selection::All);
        assert_eq!(read(&NamespaceSelector::default()).0, Selection::Nothing);
        let both = NamespaceSelector { match_labels: labels(&[("a", "1")]), ..NamespaceSelector::all() };
        assert_eq!(read(&both).0, Selection::Nothing);
        assert!(!Selection::Nothing.selects(&labels(&[("a", "1")])));
    }

    #[test]
    fn a_word_of_another_version_selects_nothing_and_is_noted() {
        let from = NamespaceSelector {
            from: Some(Word::Unknown("Expression".into())),
            match_labels: labels(&[("team", "red")]),
            ..NamespaceSelector::default()
        };
        for selector in [from, expression(Word::Unknown("Like".into()), &["r*"])] {
            let (selection, unread) = read(&selector);
            assert_eq!(selection, Selection::Unreadable);
            assert!(!selection.selects(&labels(&[("team", "red")])));
            assert!(unread.hides_permissions(), "{selector:?}");
        }
    }

    #[test]
    fn it_is_shown_as_kubectl_takes_it() {
        let all = [
            (Operator::In, &["red", "blue"][..]),
            (Operator::NotIn, &["red"]),
            (Operator::Exists, &[]),
            (Operator::DoesNotExist, &[]),
        ];
        let expressions = all.into_iter().flat_map(|(of, values)| expression(of, values).match_expressions);
        let selector = NamespaceSelector {
            match_labels: labels(&[("a", "1"), ("b", "2")]),
            match_expressions: expressions.collect(),
            ..NamespaceSelector::default()
        };
        assert_eq!(read(&selector).0.shown(), "a=1,b=2,team in (blue,red),team notin (red),team,!team");
    }

    #[test]
    fn every_label_must_match() {
        let selector =
            NamespaceSelector { match_labels: labels(&[("a", "1"), ("b", "2")]), ..Default::default() };
        let selection = read(&selector).0;
        assert!(selection.selects(&labels(&[("a", "1"), ("b", "2"), ("c", "3")])));
        assert!(!selection.selects(&labels(&[("a", "1")])));
    }

    #[test]
    fn expressions_follow_kubernetes() {
        let (red, blue, none) = (labels(&[("team", "red")]), labels(&[("team", "blue")]), Labels::new());
        let table = [
            (expression(Operator::In, &["red"]), [true, false, false]),
            (expression(Operator::NotIn, &["red"]), [false, true, true]),
            (expression(Operator::Exists, &[]), [true, true, false]),
            (expression(Operator::DoesNotExist, &[]), [false, false, true]),
        ];
        for (selector, expected) in table {
            let selection = read(&selector).0;
            assert_eq!([&red, &blue, &none].map(|l| selection.selects(l)), expected, "{selector:?}");
        }
    }
}
