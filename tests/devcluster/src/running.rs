//! The cluster that goes on after the program that started it: there is at most one, and a file in the cache names it.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::cluster::environment;
use crate::file::write;
use crate::node::image;
use crate::node::namespaces::Namespaces;
use crate::process::poll;
use crate::{Cluster, Error, Options, cache, supervisor};

/// The cluster that `devcluster up` left running.
#[derive(Debug)]
pub struct Retained {
    folder: PathBuf,
    supervisor: u32,
}

impl Retained {
    /// Starts a cluster that lives on until [`Retained::down`].
    ///
    /// # Errors
    /// When one is up already, or none can be started.
    pub fn up(options: Options) -> Result<Self, Error> {
        Self::refuse_second()?;
        Self::keep(Cluster::start(options)?)
    }

    /// Lets a cluster live on, with every program that was started in it, until [`Retained::down`].
    ///
    /// # Errors
    /// When one is up already: the cluster ends then.
    pub fn keep(cluster: Cluster) -> Result<Self, Error> {
        Self::refuse_second()?;
        let folder = cluster.data_dir().to_owned();
        let retained = Self { folder, supervisor: cluster.detach()? };
        // A cluster that no file names would be out of reach.
        retained.save().inspect_err(|_| drop(retained.end()))?;
        Ok(retained)
    }

    /// Refuses, where a cluster is up already. A program that will keep one asks before the work begins.
    ///
    /// # Errors
    /// When one is up.
    pub fn refuse_second() -> Result<(), Error> {
        Self::find()?.map_or(Ok(()), |present| Err(Error::AlreadyUp(present.folder)))
    }

    /// The cluster that is up, if any.
    ///
    /// # Errors
    /// When there is no place for the cache.
    pub fn find() -> Result<Option<Self>, Error> {
        let Ok(text) = fs::read_to_string(state_file()?) else { return Ok(None) };
        Ok(Self::parse(&text).filter(Self::is_up))
    }

    /// The admin's kubeconfig.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.join("admin.kubeconfig")
    }

    /// The folder that holds everything of this cluster.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.folder
    }

    /// The environment for kubectl and helm.
    pub fn environment(&self) -> impl Iterator<Item = (&'static str, PathBuf)> + use<> {
        environment(&self.folder).into_iter()
    }

    /// Makes an image available to Pods, as [`Cluster::import_image`] does.
    ///
    /// # Errors
    /// When the cluster has no node, or the file is no docker or OCI archive.
    pub fn import_image(&self, archive: &Path) -> Result<(), Error> {
        image::import(Namespaces::of(&self.folder)?, archive)
    }

    /// Ends the cluster that is up and returns when nothing of it is left.
    ///
    /// # Errors
    /// When none is up, or it does not end.
    pub fn down() -> Result<(), Error> {
        let retained = Self::find()?.ok_or(Error::NotUp)?;
        retained.end()?;
        let file = state_file()?;
        fs::remove_file(&file).map_err(Error::file("remove", file))
    }

    fn end(&self) -> Result<(), Error> {
        let control = self.folder.join("control");
        // Opened for reading too: a FIFO without a reader would keep us waiting.
        OpenOptions::new()
            .read(true)
            .write(true)
            .open(&control)
            .and_then(|mut file| file.write_all(b"quit\n"))
            .map_err(Error::file("write", control))?;
        poll(Duration::from_secs(20), || Ok((!self.is_running()).then_some(())))?
            .ok_or_else(|| Error::Supervisor(format!("{} does not end", self.supervisor)))
    }

    fn is_running(&self) -> bool {
        supervisor::is_running(self.supervisor)
    }

    /// A pid may have been given to another process after a reboot; the folder would then be gone, or foreign.
    fn is_up(&self) -> bool {
        let command = fs::read(format!("/proc/{}/cmdline", self.supervisor)).unwrap_or_default();
        self.is_running() && String::from_utf8_lossy(&command).contains(&*self.folder.to_string_lossy())
    }

    fn save(&self) -> Result<(), Error> {
        let file = state_file()?;
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).map_err(Error::file("make", folder))?;
        }
        write(&file, &format!("{}\n", json!({"folder": self.folder, "supervisor": self.supervisor})))
    }

    fn parse(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        Some(Self {
            folder: value.get("folder")?.as_str()?.into(),
            supervisor: u32::try_from(value.get("supervisor")?.as_u64()?).ok()?,
        })
    }
}

fn state_file() -> Result<PathBuf, Error> {
    Ok(cache::folder()?.join("up.json"))
}
