//! Which namespaces are meant: one shape wherever namespaces are selected.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::patterns;
use crate::api::word::Word;

/// The CEL expression that labels are asked for.
const HAS_LABELS: &str = "(has(self.matchLabels) && size(self.matchLabels) > 0) || (has(self.matchExpressions) && size(self.matchExpressions) > 0)";

/// Which namespaces are meant: all of them, or those with some labels. Nothing is implied: an empty selector, which is what
/// a template that rendered to nothing leaves, is refused, and selects nothing.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
#[x_kube(validation = Rule::new(format!("(has(self.from) && self.from == 'All') != ({HAS_LABELS})"))
    .message("say from: All, or give matchLabels or matchExpressions: an empty selector selects nothing, and labels narrow nothing beside from: All"))]
pub struct NamespaceSelector {
    /// Where namespaces are taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Word<From>>,

    /// Labels that a namespace must have, all of them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32), extend("additionalProperties" = { "type": "string", "maxLength": 63 }))]
    pub match_labels: BTreeMap<String, String>,

    /// Requirements on labels that a namespace must meet, all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub match_expressions: Vec<Requirement>,
}

/// One requirement on the labels of a namespace.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)")
    .message("values must be given for the operators In and NotIn, and only for them"))]
pub struct Requirement {
    /// Key of the label, as Kubernetes writes it: [prefix/]name.
    // No rule says the pattern in words: in 512 grants it would cost more than the API server allows.
    #[schemars(length(min = 1, max = 317), regex(pattern = patterns::QUALIFIED_NAME))]
    pub key: String,
    /// How the label relates to values. In: it has one of them. NotIn: it is absent or has none of them. Exists: it is
    /// there. DoesNotExist: it is absent.
    pub operator: Word<Operator>,
    /// Values of the label, for In and NotIn.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 63)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub values: Vec<String>,
}

/// All: every namespace, without labels beside it. Selector: the namespaces that have all of matchLabels and meet all of
/// matchExpressions. Default: Selector.
// An optional field has the description of its type.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// Every namespace.
    All,
    /// Those that the labels select.
    Selector,
}

impl NamespaceSelector {
    /// Every namespace.
    #[must_use]
    pub fn all() -> Self {
        Self { from: Some(Word::Known(From::All)), ..Self::default() }
    }
}

/// How a label relates to the values of a [`Requirement`].
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// The label has one of the values.
    In,
    /// The label is absent or has none of the values.
    NotIn,
    /// The label is there.
    Exists,
    /// The label is not there.
    DoesNotExist,
}
