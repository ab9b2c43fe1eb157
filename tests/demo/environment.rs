//! The control plane, the chart and the operator, as the demo uses them.

use std::fmt::Debug;
use std::time::Duration;

use devcluster::{Options, Retained};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{Api, DeleteParams};
use kube::{Client, Resource};
use mtls_operator::api::MtlsIdentity;
use mtls_operator::api::conditions::{READY, find};
use mtls_operator::api::names::annotation;
use serde::Serialize;
use serde::de::DeserializeOwned;
use test_support::installation::{Installation, OPERATOR, Operator, RELEASE, SYSTEM};
use test_support::reporter::Reporter;
use test_support::wait::for_object;
use test_support::{Failure, REPOSITORY};
use tokio::sync::OnceCell;

use crate::handshake::Credentials;

/// Longest that anything here may take.
const PATIENCE: Duration = Duration::from_mins(3);

/// The control plane, the chart and the operator of the demo.
pub struct Environment {
    installation: Installation,
    client: OnceCell<Client>,
}

impl Environment {
    /// Builds what is missing and starts the control plane.
    pub fn open() -> Result<Self, Failure> {
        let options = Options { name: "demo".into(), ..Options::default() };
        Ok(Self { installation: Installation::start(options)?, client: OnceCell::new() })
    }

    /// Installs the chart, and runs the operator with the rights that the chart gives it. There is no kubelet here,
    /// so its Pods stay pending and the same program runs beside the cluster.
    pub fn install(&self) -> Result<(), Failure> {
        self.installation.install(RELEASE, SYSTEM, &[])?;
        self.installation.start_operator(&Operator::default()).map(drop)
    }

    /// Applies every example.
    pub fn apply_examples(&self) -> Result<(), Failure> {
        self.installation.kubectl(&["apply", "-f", &format!("{REPOSITORY}/deploy/examples")]).map(drop)
    }

    /// Applies a manifest.
    pub fn apply(&self, manifest: &str) -> Result<(), Failure> {
        self.installation.apply(manifest)
    }

    /// Runs kubectl and shows what it prints.
    pub fn show(&self, arguments: &[&str]) -> Result<(), Failure> {
        Reporter::say(&format!("$ kubectl {}", arguments.join(" ")));
        self.installation.kubectl(arguments)?.lines().for_each(Reporter::say);
        Ok(())
    }

    /// Waits until an identity is Ready.
    pub async fn ready(&self, namespace: &str, name: &str) -> Result<(), Failure> {
        let identities: Api<MtlsIdentity> = Api::namespaced(self.client().await?, namespace);
        until(identities, name, |identity| is_ready(&identity.status.as_ref()?.conditions)).await
    }

    /// What a Pod that mounts a Secret holds.
    pub async fn credentials(&self, namespace: &str, secret: &str) -> Result<Credentials, Failure> {
        Credentials::of(&self.secrets(namespace).await?.get(secret).await?)
    }

    /// Serial number of the leaf in a Secret.
    pub async fn serial(&self, namespace: &str, secret: &str) -> Result<String, Failure> {
        serial_of(&self.secrets(namespace).await?.get(secret).await?)
            .ok_or_else(|| "the Secret names no serial".into())
    }

    /// Waits until a Secret holds another leaf.
    pub async fn serial_other_than(
        &self,
        namespace: &str,
        secret: &str,
        before: &str,
    ) -> Result<String, Failure> {
        let is_other = |secret: &Secret| serial_of(secret).filter(|serial| serial != before);
        until(self.secrets(namespace).await?, secret, is_other).await
    }

    /// Deletes a Secret.
    pub async fn delete_secret(&self, namespace: &str, secret: &str) -> Result<(), Failure> {
        self.secrets(namespace).await?.delete(secret, &DeleteParams::default()).await?;
        Ok(())
    }

    /// Stops everything.
    pub fn close(self) -> Result<(), Failure> {
        Ok(self.installation.cluster.stop()?)
    }

    /// Leaves everything running, and says how to use it.
    pub fn keep(self) -> Result<(), Failure> {
        let kept = Retained::keep(self.installation.cluster)?;
        Reporter::section("Everything stays up (KEEP=1)");
        Reporter::say(&format!("export KUBECONFIG={}", kept.kubeconfig().display()));
        Reporter::say(&format!("{} get mtlsidentities -A --watch", devcluster::tool("kubectl")?.display()));
        let log = kept.data_dir().join("logs").join(format!("{OPERATOR}.log"));
        Reporter::say(&format!("tail -f {}   # what the operator says", log.display()));
        Reporter::say("cargo run -q -p devcluster -- down   # when you are done");
        Ok(())
    }

    async fn secrets(&self, namespace: &str) -> Result<Api<Secret>, Failure> {
        Ok(Api::namespaced(self.client().await?, namespace))
    }

    /// A client with all rights.
    async fn client(&self) -> Result<Client, Failure> {
        self.client.get_or_try_init(|| self.installation.client()).await.cloned()
    }
}

fn is_ready(conditions: &[Condition]) -> Option<()> {
    find(conditions, READY).filter(|condition| condition.status == "True").map(|_| ())
}

fn serial_of(secret: &Secret) -> Option<String> {
    secret.metadata.annotations.as_ref()?.get(annotation::SERIAL).cloned()
}

/// Watches one object until there is an answer.
async fn until<K, T>(api: Api<K>, name: &str, answer: impl Fn(&K) -> Option<T>) -> Result<T, Failure>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Serialize + Send + 'static,
{
    let what = format!("{} {name}", K::kind(&()));
    for_object(PATIENCE, api, name, &what, |object| object.and_then(&answer)).await
}
