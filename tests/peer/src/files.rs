//! Files of a mounted Secret, read as one version: the kubelet swaps the link `..data`, so all are read behind the
//! same target of it.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

/// The content of the folders at one moment.
#[derive(Clone, PartialEq, Eq)]
pub struct Bytes {
    pub key: Vec<u8>,
    pub chain: Vec<u8>,
    pub roots: Vec<u8>,
}

impl Bytes {
    /// Reads the pair in one folder and the roots in another, or the same.
    pub fn read(pair: &Path, trust: &Path) -> io::Result<Self> {
        let version = version_of(pair);
        let trusted = if pair == trust { version.clone() } else { version_of(trust) };
        Ok(Self {
            key: fs::read(version.join("tls.key"))?,
            chain: fs::read(version.join("tls.crt"))?,
            roots: fs::read(trusted.join("ca.crt"))?,
        })
    }
}

/// The folder of the present version. Without `..data` the files are mounted singly, and stay as they were.
fn version_of(folder: &Path) -> PathBuf {
    fs::read_link(folder.join("..data")).map_or_else(|_| folder.to_owned(), |version| folder.join(version))
}

/// One file, as its reader finds it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Found {
    /// Its name.
    pub name: String,
    /// In octal, as `ls` would not show it and `chmod` takes it.
    pub mode: String,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Lower-case hex, or why it cannot be read.
    pub sha256: String,
}

/// A folder, as its reader finds it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Folder {
    /// The user that reads.
    pub reader: Reader,
    /// What is there, by name.
    pub files: Vec<Found>,
}

/// The user that reads.
#[derive(Debug, Serialize, Deserialize)]
pub struct Reader {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// Reads every file in a folder.
pub fn look(folder: &Path) -> io::Result<Folder> {
    let version = version_of(folder);
    let mut files = Vec::new();
    for entry in fs::read_dir(&version)? {
        let path = entry?.path();
        files.push(found(&path, &fs::metadata(&path)?));
    }
    files.sort_by(|one, other| one.name.cmp(&other.name));
    let me = fs::metadata("/proc/self")?;
    Ok(Folder { reader: Reader { uid: me.uid(), gid: me.gid() }, files })
}

fn found(path: &Path, metadata: &Metadata) -> Found {
    let content = fs::read(path);
    Found {
        name: path.file_name().unwrap_or_default().display().to_string(),
        mode: format!("{:04o}", metadata.mode() & 0o7777),
        uid: metadata.uid(),
        gid: metadata.gid(),
        sha256: content.map_or_else(|error| error.to_string(), |content| sha256(&content)),
    }
}

/// SHA-256 in hex.
pub fn sha256(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

/// Lower-case hex without separators.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A folder as the kubelet makes one.
    fn mounted() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        publish(folder.path(), "..first", "one");
        symlink("..first", folder.path().join("..data")).unwrap();
        folder
    }

    fn publish(folder: &Path, version: &str, content: &str) {
        fs::create_dir(folder.join(version)).unwrap();
        for name in ["tls.key", "tls.crt", "ca.crt"] {
            fs::write(folder.join(version).join(name), content).unwrap();
        }
    }

    #[test]
    fn files_are_read_in_the_version_that_the_link_names() {
        let folder = mounted();
        let before = Bytes::read(folder.path(), folder.path()).unwrap();
        publish(folder.path(), "..second", "two");
        assert!(Bytes::read(folder.path(), folder.path()).unwrap() == before, "not published yet");
        fs::remove_file(folder.path().join("..data")).unwrap();
        symlink("..second", folder.path().join("..data")).unwrap();
        assert_eq!(Bytes::read(folder.path(), folder.path()).unwrap().roots, b"two");
    }

    #[test]
    fn a_look_shows_content_by_its_hash_only() {
        let folder = mounted();
        let seen = serde_json::to_string(&look(folder.path()).unwrap()).unwrap();
        assert!(seen.contains(&sha256(b"one")) && !seen.contains("\"one\""), "{seen}");
    }
}
