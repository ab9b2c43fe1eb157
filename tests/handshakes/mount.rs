//! A Secret as foreign programs see it: files in a folder, all of them changed at once by one symbolic link, as the
//! kubelet does it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use tempfile::TempDir;

use crate::consumer::Loaded;

/// A folder with `tls.crt`, `tls.key` and `ca.crt`, and `above.crt`: what `tls.crt` holds above the leaf.
pub struct Mount {
    folder: TempDir,
    held: Option<Loaded>,
    count: u32,
}

impl Mount {
    /// An empty one.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["tls.crt", "tls.key", "ca.crt", "above.crt"] {
            symlink(Path::new("..data").join(name), folder.path().join(name)).unwrap();
        }
        Self { folder, held: None, count: 0 }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes the files that a consumer is to see from now on. Returns whether they have changed.
    pub fn deliver(&mut self, loaded: &Loaded) -> bool {
        if self.held.as_ref().is_some_and(|held| held.is(loaded)) {
            return false;
        }
        self.count += 1;
        let version = self.path().join(format!("..{}", self.count));
        fs::create_dir(&version).unwrap();
        let files = [
            ("tls.crt", &*loaded.leaf.chain),
            ("tls.key", &*loaded.leaf.key),
            ("ca.crt", &*loaded.trust.bundle),
            ("above.crt", above(&loaded.leaf.chain)),
        ];
        for (name, content) in files {
            fs::write(version.join(name), content).unwrap();
        }
        let next = self.path().join("..next");
        symlink(&version, &next).unwrap();
        fs::rename(&next, self.path().join("..data")).unwrap();
        self.held = Some(loaded.clone());
        true
    }
}

/// A chain without its leaf.
fn above(chain: &[u8]) -> &[u8] {
    const END: &[u8] = b"-----END CERTIFICATE-----\n";
    let end = chain.windows(END.len()).position(|window| window == END);
    end.map_or(&[], |at| &chain[at + END.len()..])
}
