//! Which namespaces a selector means, by the rules of Kubernetes label selectors.

use std::collections::BTreeMap;

use crate::api::authority::{NamespaceSelector, Operator, Requirement};

/// Labels of a namespace.
pub type Labels = BTreeMap<String, String>;

/// Whether the selector selects a namespace with these labels. An empty selector selects all.
#[must_use]
pub fn selects(selector: &NamespaceSelector, labels: &Labels) -> bool {
    selector.match_labels.iter().all(|(key, value)| labels.get(key) == Some(value))
        && selector.match_expressions.iter().all(|requirement| meets(requirement, labels))
}

/// The selector as `kubectl -l` takes it.
#[must_use]
pub fn shown(selector: &NamespaceSelector) -> String {
    let labels = selector.match_labels.iter().map(|(key, value)| format!("{key}={value}"));
    let expressions = selector.match_expressions.iter().map(|Requirement { key, operator, values }| {
        let values = values.join(",");
        match operator {
            Operator::In => format!("{key} in ({values})"),
            Operator::NotIn => format!("{key} notin ({values})"),
            Operator::Exists => key.clone(),
            Operator::DoesNotExist => format!("!{key}"),
        }
    });
    labels.chain(expressions).collect::<Vec<_>>().join(",")
}

fn meets(requirement: &Requirement, labels: &Labels) -> bool {
    let value = labels.get(&requirement.key);
    let listed = value.is_some_and(|value| requirement.values.contains(value));
    match requirement.operator {
        Operator::In => listed,
        Operator::NotIn => !listed,
        Operator::Exists => value.is_some(),
        Operator::DoesNotExist => value.is_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    fn expression(operator: Operator, values: &[&str]) -> NamespaceSelector {
        let values = values.iter().map(ToString::to_string).collect();
        let requirement = Requirement { key: "team".into(), operator, values };
        NamespaceSelector { match_expressions: vec![requirement], ..Default::default() }
    }

    #[test]
    fn an_empty_selector_selects_every_namespace() {
        assert!(selects(&NamespaceSelector::default(), &Labels::new()));
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
        };
        assert_eq!(shown(&selector), "a=1,b=2,team in (red,blue),team notin (red),team,!team");
    }

    #[test]
    fn every_label_must_match() {
        let selector =
            NamespaceSelector { match_labels: labels(&[("a", "1"), ("b", "2")]), ..Default::default() };
        assert!(selects(&selector, &labels(&[("a", "1"), ("b", "2"), ("c", "3")])));
        assert!(!selects(&selector, &labels(&[("a", "1")])));
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
            assert_eq!([&red, &blue, &none].map(|l| selects(&selector, l)), expected, "{selector:?}");
        }
    }
}
