//! Objects that differ by a number: written when they are asked for, so that 100,000 of them take no time and no memory.

use std::collections::BTreeSet;

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::selector::Selector;

/// Stands for the number in an object's names.
pub const NUMBER: &str = "{number}";

/// A number of objects of one collection and one namespace.
pub struct Series {
    kind: String,
    object: Value,
    whole: Template,
    metadata: Template,
    count: usize,
    /// The numbers of those that are written down elsewhere by now, or gone.
    moved: Mutex<BTreeSet<usize>>,
}

impl Series {
    /// So many objects like this one, with [`NUMBER`] in its name; where there is one only, it may have any name.
    pub fn new(kind: &str, count: usize, object: Value) -> Self {
        let metadata = json!({
            "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"],
        });
        Self {
            kind: kind.into(),
            whole: Template::of(&object),
            metadata: Template::of(&metadata),
            object,
            count,
            moved: Mutex::default(),
        }
    }

    /// Whether they are selected.
    pub fn is_selected(&self, by: &Selector) -> bool {
        by.selects(&self.kind, &self.object)
    }

    /// How many there were at first. Those that have moved keep their numbers.
    pub const fn count(&self) -> usize {
        self.count
    }

    /// How many have moved.
    pub fn moved(&self) -> usize {
        self.moved.lock().len()
    }

    /// The collection.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Namespace and name of one of them.
    pub fn place(&self, number: usize) -> (String, String) {
        let text = |field: &str| self.object["metadata"][field].as_str().unwrap_or_default();
        (text("namespace").into(), text("name").replace(NUMBER, &shown(number)))
    }

    /// One of them as text; `None` where it has moved.
    pub fn text(&self, number: usize, is_metadata: bool) -> Option<String> {
        if number >= self.count || self.moved.lock().contains(&number) {
            return None;
        }
        Some(if is_metadata { &self.metadata } else { &self.whole }.text(number))
    }

    /// The number of the object of this name, if it has not moved.
    pub fn find(&self, kind: &str, namespace: &str, name: &str) -> Option<usize> {
        let metadata = &self.object["metadata"];
        let is_here = self.kind == kind && metadata["namespace"].as_str().unwrap_or_default() == namespace;
        let own = metadata["name"].as_str()?;
        let Some((before, after)) = own.split_once(NUMBER) else {
            return (is_here && own == name && self.moved() == 0).then_some(0);
        };
        let digits = name.strip_prefix(before)?.strip_suffix(after).filter(|_| is_here)?;
        let number = digits.parse().ok().filter(|number| shown(*number) == digits && *number < self.count)?;
        (!self.moved.lock().contains(&number)).then_some(number)
    }

    /// Has one of them moved, unless it has already: no other request finds it in neither place.
    pub fn move_out(&self, number: usize, to: impl FnOnce(Value)) {
        let mut moved = self.moved.lock();
        if moved.insert(number) {
            to(serde_json::from_str(&self.whole.text(number)).unwrap());
        }
    }
}

/// The text of an object in pieces, between which the number is.
struct Template(Vec<String>);

impl Template {
    fn of(object: &Value) -> Self {
        Self(as_go_writes(&object.to_string()).split(NUMBER).map(str::to_owned).collect())
    }

    fn text(&self, number: usize) -> String {
        self.0.join(&shown(number))
    }
}

fn shown(number: usize) -> String {
    format!("{number:06}")
}

/// JSON as the API server writes it: some octets take six.
pub fn as_go_writes(json: &str) -> String {
    json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}
