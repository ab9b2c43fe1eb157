//! The mounted files of a Secret in a Pod: readable without root, complete and up to date.

use aws_lc_rs::digest::{SHA256, digest};
use peer::{Folder, Found};
use test_support::Failure;
use test_support::reporter::Reporter;

use crate::cluster::E2eCluster;
use crate::cluster::{ensure, until};
use crate::workloads::name;

/// Reads the files in the Pod of example 02's server.
pub async fn look(cluster: &E2eCluster) -> Result<(), Failure> {
    Reporter::section("The mounted files, as the program in the Pod finds them");
    let pod = cluster.pods("shop", "app=server").await?.pop().ok_or("the server has no Pod")?;
    // A renewal may come between the two reads.
    let folder = until("the files to be those of the Secret", || async {
        let seen: Folder = serde_json::from_str(&cluster.kubectl(&[
            "exec",
            "-n",
            "shop",
            &name(&pod),
            "--",
            "/peer",
            "look",
            "/mtls",
        ])?)?;
        let secret = cluster.secret("shop", "server-mtls").await?.data.unwrap_or_default();
        let is_same =
            |file: &Found| secret.get(&file.name).is_some_and(|data| sha256(&data.0) == file.sha256);
        Ok((seen.files.len() == secret.len() && seen.files.iter().all(is_same)).then_some(seen))
    })
    .await?;
    for Found { name, mode, uid, gid, sha256 } in &folder.files {
        Reporter::say(&format!("{mode} {uid}:{gid} {name} (sha256 {}…, as in the Secret)", &sha256[..12]));
        ensure((mode.as_str(), *uid, *gid) == ("0440", 0, 1000), || format!("{name} is {mode} {uid}:{gid}"))?;
    }
    ensure(folder.reader.uid == 1000, || format!("the reader is user {}", folder.reader.uid))?;
    ensure(folder.files.len() == 3, || format!("there are {} files", folder.files.len()))?;
    Reporter::say("the reader is user 1000: it reads them by the group of fsGroup");
    Ok(())
}

fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    digest(&SHA256, bytes).as_ref().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
