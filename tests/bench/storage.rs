//! What a population takes in etcd and in the API server's memory.

use test_support::Failure;

use crate::environment::Environment;
use crate::population::PREFIX;
use crate::process;
use crate::report::figures::{Measurement, Name, count};

const MEBIBYTE: f64 = 1024.0 * 1024.0;

/// Sizes of one moment.
pub struct Storage {
    database: f64,
    api_server: f64,
}

impl Storage {
    /// Those of this moment.
    pub async fn now(environment: &Environment) -> Result<Self, Failure> {
        let (resident, _) = process::memory(environment.component("kube-apiserver")?)?;
        let database = environment.etcd()?.database_size().await?;
        Ok(Self { database, api_server: resident * MEBIBYTE })
    }

    /// A measurement with what each identity has added since, and what is stored of one.
    pub async fn add_growth_to(
        &self,
        measurement: Measurement,
        environment: &Environment,
    ) -> Result<Measurement, Failure> {
        let (now, each) = (Self::now(environment).await?, count(measurement.identities.max(1)));
        let stored = environment.etcd()?.stored_bytes(&format!("{PREFIX}0")).await?;
        Ok(measurement
            .with(Name::StoredBytesEach, stored)
            .with(Name::DatabaseBytesEach, (now.database - self.database) / each)
            .with_if_many(Name::ApiServerBytesEach, (now.api_server - self.api_server) / each))
    }
}
