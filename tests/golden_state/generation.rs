//! A generation of golden state: the files of one folder, as objects. Folders are only ever added.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use kube::Client;
use serde_json::{Value, json};

use crate::etcd::Etcd;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/state");
/// The metadata of a generation.
const ABOUT: &str = "generation.json";

/// A kind of object that a generation contains.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Plural name, which is also that of its file.
    pub plural: &'static str,
    /// Path of its API.
    pub api: &'static str,
    /// Where etcd has it, below `/registry`.
    stored: &'static str,
}

/// The kinds that the operator and its users store.
pub const KINDS: [Kind; 6] = [
    Kind { plural: "namespaces", api: "/api/v1", stored: "namespaces" },
    Kind {
        plural: "mtlsauthorities",
        api: "/apis/mtls-operator.dev/v1alpha1",
        stored: "mtls-operator.dev/mtlsauthorities",
    },
    Kind {
        plural: "mtlsidentities",
        api: "/apis/mtls-operator.dev/v1alpha1",
        stored: "mtls-operator.dev/mtlsidentities",
    },
    Kind { plural: "secrets", api: "/api/v1", stored: "secrets" },
    Kind { plural: "configmaps", api: "/api/v1", stored: "configmaps" },
    Kind {
        plural: "clustertrustbundles",
        api: "/apis/certificates.k8s.io/v1",
        stored: "clustertrustbundles",
    },
];

/// An object of a generation, as the API server returned it.
pub struct Object {
    /// Its kind.
    pub kind: Kind,
    /// All of it.
    pub value: Value,
}

impl Object {
    /// Its name in messages: these never show its content.
    pub fn title(&self) -> String {
        let namespace = self.value["metadata"]["namespace"].as_str().unwrap_or_default();
        format!("{} {namespace}/{}", self.kind.plural, self.name())
    }

    /// Its name.
    pub fn name(&self) -> &str {
        text(&self.value, "/metadata/name")
    }

    /// Where the API server has it.
    pub fn path(&self) -> String {
        let Kind { api, plural, .. } = self.kind;
        match self.value["metadata"]["namespace"].as_str() {
            Some(namespace) => format!("{api}/namespaces/{namespace}/{plural}/{}", self.name()),
            None => format!("{api}/{plural}/{}", self.name()),
        }
    }

    fn version(&self) -> i64 {
        text(&self.value, "/metadata/resourceVersion").parse().unwrap()
    }

    /// The same object as the API server has it now.
    pub async fn now(&self, client: &Client) -> Value {
        get(client, &self.path()).await
    }

    /// Puts it back with the version that it had.
    async fn restore(&self, etcd: &Etcd) {
        etcd.advance_to_before(self.version()).await;
        let mut stored = self.value.clone();
        // It is not stored, but is the revision of the write.
        stored["metadata"].as_object_mut().unwrap().remove("resourceVersion");
        let namespace = self.value["metadata"]["namespace"].as_str().map(|found| format!("{found}/"));
        let place = format!("{}/{}{}", self.kind.stored, namespace.unwrap_or_default(), self.name());
        let written = etcd.put(&format!("/registry/{place}"), &stored.to_string()).await;
        assert_eq!(written, self.version(), "{}", self.title());
    }
}

/// A generation.
pub struct Generation {
    /// Its name: the version that has written it.
    pub name: String,
    /// When it was taken: for the operator that takes it over this is the present.
    pub taken_at: Timestamp,
    /// Its objects.
    pub objects: Vec<Object>,
}

impl Generation {
    /// Every generation, the oldest first.
    pub fn all() -> Vec<Self> {
        let entries = fs::read_dir(FOLDER).into_iter().flatten().map(Result::unwrap);
        let folders = entries.map(|entry| entry.path()).filter(|path| path.is_dir());
        let mut all: Vec<Self> = folders.map(|folder| Self::read(&folder)).collect();
        all.sort_by_key(|generation| generation.taken_at);
        all
    }

    /// The folder of a generation that is to be written, which must be a new one.
    pub fn new_folder(name: &str) -> PathBuf {
        let folder = Path::new(FOLDER).join(name);
        assert!(!folder.exists(), "a generation is never written again: {} exists", folder.display());
        folder
    }

    fn read(folder: &Path) -> Self {
        let file = |name: &str| -> Value {
            serde_json::from_str(&fs::read_to_string(folder.join(name)).unwrap()).unwrap()
        };
        let of_kind = |kind: Kind| {
            let Value::Array(values) = file(&format!("{}.json", kind.plural)) else { panic!("not a list") };
            values.into_iter().map(move |value| Object { kind, value })
        };
        Self {
            name: folder.file_name().unwrap().to_str().unwrap().to_owned(),
            taken_at: text(&file(ABOUT), "/takenAt").parse().unwrap(),
            objects: KINDS.into_iter().flat_map(of_kind).collect(),
        }
    }

    /// Writes it into its folder.
    pub fn write(&self, kubernetes: &Value) {
        let folder = Self::new_folder(&self.name);
        fs::create_dir_all(&folder).unwrap();
        let file = |name: &str, value: &Value| {
            let text = serde_json::to_string_pretty(value).unwrap();
            fs::write(folder.join(name), text + "\n").unwrap();
        };
        file(ABOUT, &json!({ "takenAt": self.taken_at.to_string(), "kubernetes": kubernetes }));
        for kind in KINDS {
            let objects = self.objects.iter().filter(|object| object.kind.plural == kind.plural);
            file(&format!("{}.json", kind.plural), &objects.map(|object| object.value.clone()).collect());
        }
    }

    /// Puts all objects back as they were. The API server must be stopped.
    pub async fn restore(&self, etcd: &Etcd) {
        let mut objects: Vec<&Object> = self.objects.iter().collect();
        objects.sort_by_key(|object| object.version());
        for object in objects {
            object.restore(etcd).await;
        }
    }

    /// The objects of this kind.
    pub fn of(&self, plural: &str) -> impl Iterator<Item = &Object> {
        self.objects.iter().filter(move |object| object.kind.plural == plural)
    }
}

/// What the API server returns for a path.
pub async fn get(client: &Client, path: &str) -> Value {
    client.request(http::Request::get(path).body(Vec::new()).unwrap()).await.unwrap()
}

/// A text in a value.
pub fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no text at {pointer}"))
}
