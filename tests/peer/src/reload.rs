//! Holds what was loaded last and loads again what has changed. A version that does not load changes nothing.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;

use crate::Failure;
use crate::arguments::Mounts;
use crate::event_log::note;
use crate::files::Bytes;
use crate::tls::Material;

/// The mounted files, as last loaded.
pub struct Reload {
    mounts: Mounts,
    loaded: Mutex<Arc<Material>>,
    seen: Mutex<Bytes>,
}

impl Reload {
    /// Loads for the first time; the files must be there.
    pub fn open(mounts: Mounts) -> Result<Self, Failure> {
        let bytes = read(&mounts)?;
        let material = Material::parse(&bytes)?;
        tell(&material);
        Ok(Self { mounts, loaded: Mutex::new(Arc::new(material)), seen: Mutex::new(bytes) })
    }

    /// What is in use now.
    pub fn material(&self) -> Arc<Material> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the files again for ever.
    pub async fn keep(self: Arc<Self>) -> Result<(), Failure> {
        if self.mounts.never_reload {
            return std::future::pending().await;
        }
        loop {
            tokio::time::sleep(self.mounts.look_every).await;
            if let Err(error) = self.look() {
                note("not_loaded", &json!({ "why": error.to_string() }));
            }
        }
    }

    fn look(&self) -> Result<(), Failure> {
        let bytes = read(&self.mounts)?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == bytes {
            return Ok(());
        }
        // Remembered before it is parsed, so that a version that does not load is reported once.
        seen.clone_from(&bytes);
        let material = Material::parse(&bytes)?;
        // The key must belong to the certificate: only a TLS configuration checks that.
        material.server(false)?;
        tell(&material);
        *self.loaded.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(material);
        Ok(())
    }
}

fn read(mounts: &Mounts) -> Result<Bytes, Failure> {
    let trust = mounts.trust.as_ref().unwrap_or(&mounts.files);
    Bytes::read(&mounts.files, trust).map_err(|error| format!("{}: {error}", mounts.files.display()).into())
}

fn tell(material: &Material) {
    note("loaded", &json!(material.state));
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::time::Duration;

    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};

    use super::*;

    fn write(folder: &Path) -> String {
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let mut leaf = CertificateParams::default();
        leaf.subject_alt_names = vec![SanType::URI("spiffe://mesh/ns/a/sa/b".try_into().unwrap())];
        let leaf = leaf.signed_by(&key, &ca).unwrap();
        fs::write(folder.join("ca.crt"), ca.pem()).unwrap();
        fs::write(folder.join("tls.crt"), leaf.pem()).unwrap();
        key.serialize_pem()
    }

    fn keeper(folder: &Path) -> Reload {
        let look_every = Duration::from_millis(1);
        Reload::open(Mounts { files: folder.to_owned(), trust: None, look_every, never_reload: false })
            .unwrap()
    }

    #[test]
    fn a_new_pair_is_taken_and_a_broken_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let key = write(folder.path());
        fs::write(folder.path().join("tls.key"), &key).unwrap();
        let keeper = keeper(folder.path());
        let first = keeper.material().state.clone();
        assert_eq!(first.leaf.spiffe_id, "spiffe://mesh/ns/a/sa/b");

        let key = write(folder.path());
        assert!(keeper.look().is_err(), "the key is that of the former certificate");
        assert_eq!(keeper.material().state, first);

        fs::write(folder.path().join("tls.key"), key).unwrap();
        keeper.look().unwrap();
        assert_ne!(keeper.material().state, first);
    }
}
