//! Identities whose certificates live three minutes, so that renewals and rotations happen while they are watched.

use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use kube::api::Api;
use mtls_operator::api::identity::AuthorityReference;
use mtls_operator::api::{MtlsIdentity, MtlsIdentitySpec};
use test_support::Failure;

use crate::environment::{Environment, say};
use crate::new_identities;
use crate::population::{AT_ONCE, create_namespace};
use crate::secrets::FLEET;
use crate::single::create;

/// Lifetime of every certificate: so short that the former root is dropped during the benchmark.
pub const LIFETIME: Duration = Duration::from_mins(3);

const AUTHORITY: &str = "
apiVersion: mtls-operator.dev/v1alpha1
kind: MtlsAuthority
metadata: {name: fleet}
spec:
  root: {ttl: 1h}
  leaf: {ttl: 3m, maxTTL: 3m}
  rotation: {propagation: 10s, spreadOver: 0s}
";

/// Identities of one authority, and the operator that serves them.
pub struct Fleet {
    pub environment: Environment,
    pub pid: u32,
    pub size: usize,
}

impl Fleet {
    /// A cluster of its own, in which so many are Ready.
    pub async fn muster(size: usize) -> Result<Self, Failure> {
        let environment = Environment::open()?;
        let pid = environment.start_operator()?;
        environment.authority_ready("mesh").await?;
        environment.installation.apply(AUTHORITY)?;
        let client = environment.client().await?;
        create_namespace(&client, FLEET.into()).await?;
        create_namespace(&client, new_identities::NAMESPACE.into()).await?;
        let fleet = Self { environment, pid, size };
        fleet.create(&Api::namespaced(client, FLEET)).await?;
        fleet.environment.all_ready(FLEET, size).await?;
        say(&fleet.environment.clock, &format!("{size} identities are Ready"));
        Ok(fleet)
    }

    async fn create(&self, identities: &Api<MtlsIdentity>) -> Result<(), Failure> {
        let spec = MtlsIdentitySpec {
            authority_ref: AuthorityReference { name: FLEET.into() },
            ..MtlsIdentitySpec::default()
        };
        let created = (0..self.size).map(|number| {
            let spec = spec.clone();
            async move { create(identities, &format!("member-{number}"), spec).await }
        });
        stream::iter(created).buffer_unordered(AT_ONCE).try_collect().await
    }
}
