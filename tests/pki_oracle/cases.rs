//! The leaves that foreign programs verify, laid out in files as in a Secret.
//!
//! Which algorithm signs and which algorithm a leaf's key has are independent of each other. So one authority signs a leaf of every
//! algorithm and every other authority one leaf, of the algorithms in turn; `MTLS_PROOF=1` verifies all combinations.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use mtls_operator::pki::{
    Authority, AuthorityPem, CommonName, KeyAlgorithm, LeafProfile, PrivateKey, RootAlgorithm, Serial,
    SpiffeId, Validity,
};
use test_support::tools::authorities;

use crate::successions;

/// A name that every leaf has.
pub const NAME: &str = "cart.shop.svc.cluster.local";
/// A name that no leaf has.
pub const WRONG_NAME: &str = "till.shop.svc.cluster.local";

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// One leaf in its folder: `tls.crt`, `tls.key`, `ca.crt`, and `other.crt`, a root that did not sign it.
pub struct Case {
    pub name: String,
    pub folder: PathBuf,
    pub algorithm: KeyAlgorithm,
    /// Our own roots are old enough to have signed a leaf that has expired: `expired.crt`.
    pub has_expired: bool,
}

impl Case {
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.file(name)).unwrap()
    }

    /// The authority that signed it.
    pub fn authority(&self) -> &str {
        self.name.rsplit_once('/').map_or("", |(authority, _)| authority)
    }

    /// Runs a program in the folder.
    pub fn run(&self, program: &Path, arguments: &[&str]) -> Output {
        Command::new(program).args(arguments).current_dir(&self.folder).output().unwrap()
    }
}

/// All cases, issued once for all tests.
pub struct Suite {
    pub folder: PathBuf,
    pub now: Timestamp,
    pub cases: Vec<Case>,
}

pub static SUITE: LazyLock<Suite> = LazyLock::new(Suite::issue);

impl Suite {
    fn issue() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pki_oracle");
        let _ = std::fs::remove_dir_all(&folder);
        let keys = KeyAlgorithm::ALL.map(|algorithm| PrivateKey::generate(algorithm).unwrap().to_pem());
        let other = authorities::generate(RootAlgorithm::EcdsaP256, real_now());
        let authorities = authorities::all(&folder.join("authorities"), real_now());
        // Only now: what OpenSSL makes is valid from the moment it is made.
        let now = real_now();
        let generated = authorities.iter().map(|(name, pem)| Signer::of(name.clone(), pem, now));
        let signers: Vec<_> = generated.chain(successions::all(&authorities, now)).collect();
        let mut cases = Vec::new();
        for (index, signer) in signers.iter().enumerate() {
            let algorithms = KeyAlgorithm::ALL.into_iter().zip(&keys);
            let taken =
                algorithms.enumerate().filter(|(at, _)| index == 0 || is_full() || index % keys.len() == *at);
            cases
                .extend(taken.map(|(_, (algorithm, key))| signer.case(&folder, algorithm, key, &other, now)));
        }
        let all = signers.len() * keys.len();
        if cases.len() < all {
            // Not `eprintln!`: the harness shows that of failed tests only.
            let _ = writeln!(
                std::io::stderr(),
                "SKIP {} of {all} combinations of authority and leaf algorithm: MTLS_PROOF=1 verifies all",
                all - cases.len()
            );
        }
        let suite = Self { folder, now, cases };
        suite.write_manifest();
        suite
    }

    /// For the foreign programs: one folder per line.
    fn write_manifest(&self) {
        let names: Vec<_> = self.cases.iter().map(|case| case.name.as_str()).collect();
        std::fs::write(self.folder.join("cases"), names.join("\n")).unwrap();
    }

    /// When every leaf has expired and no authority has.
    pub fn after_expiry(&self) -> Timestamp {
        self.now + DAY * 2
    }

    /// Runs a foreign program over all cases. It prints a line `ok <case> <check>` for each of its checks.
    pub fn judge(&self, checks_per_case: usize, program: &mut Command) {
        let output = program
            .args([self.folder.to_str().unwrap(), NAME, WRONG_NAME])
            .env("GOTOOLCHAIN", "local")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let faults: Vec<_> = text.lines().filter(|line| !line.starts_with("ok ")).collect();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && faults.is_empty(), "{}\n{errors}", faults.join("\n"));
        assert_eq!(text.lines().count(), checks_per_case * self.cases.len(), "some checks did not run");
    }
}

/// An authority that signs leaves, and what a verifier of them trusts.
pub struct Signer {
    pub name: String,
    pub authority: Authority,
    pub trust: String,
    /// Whether it is old enough to have signed a leaf that has expired.
    pub is_old: bool,
}

impl Signer {
    fn of(name: String, pem: &AuthorityPem, now: Timestamp) -> Self {
        let authority = Authority::load(pem, now).unwrap_or_else(|error| panic!("{name}: {error}"));
        let trust = authority.bundle().to_pem().to_owned();
        Self { is_old: name.starts_with("generated"), name, authority, trust }
    }

    /// A leaf of this algorithm.
    fn case(
        &self,
        folder: &Path,
        algorithm: KeyAlgorithm,
        key: &str,
        other: &AuthorityPem,
        now: Timestamp,
    ) -> Case {
        let name = format!("{}/{algorithm}", self.name);
        let case = Case { folder: folder.join(&name), name, algorithm, has_expired: self.is_old };
        case.write(self, other, key, now);
        case
    }
}

impl Case {
    fn write(&self, signer: &Signer, other: &AuthorityPem, key: &str, now: Timestamp) {
        let authority = &signer.authority;
        std::fs::create_dir_all(&self.folder).unwrap();
        let write = |name, content: &[u8]| std::fs::write(self.file(name), content).unwrap();
        write("tls.crt", self.chain(authority, key, now).as_bytes());
        write("tls.key", key.as_bytes());
        write("ca.crt", signer.trust.as_bytes());
        write("other.crt", &other.anchors);
        if self.has_expired {
            write("expired.crt", self.chain(authority, key, now - DAY * 2).as_bytes());
        }
    }

    /// Some leaves have a subject and some have none.
    pub const fn common_name(&self) -> CommonName {
        match self.algorithm {
            KeyAlgorithm::EcdsaP384 | KeyAlgorithm::Rsa2048 => CommonName::ServiceAccount,
            _ => CommonName::None,
        }
    }

    fn chain(&self, authority: &Authority, key: &str, now: Timestamp) -> String {
        let profile = LeafProfile {
            spiffe_id: SpiffeId::new(&"cluster.local".parse().unwrap(), "shop", "cart"),
            dns_names: vec![NAME.to_owned()],
            ip_addresses: vec!["127.0.0.1".parse().unwrap()],
            key_algorithm: self.algorithm,
            common_name: self.common_name(),
        };
        let key = PrivateKey::from_pem(key.as_bytes()).unwrap();
        let window = Validity::leaf(now, DAY, authority.window());
        let issued = authority.issue(&profile, key, window, Serial::random().unwrap());
        issued.unwrap_or_else(|error| panic!("{}: {error}", self.name)).chain_pem
    }
}

/// Whether every combination is verified.
fn is_full() -> bool {
    std::env::var_os("MTLS_PROOF").is_some()
}

/// Foreign tools look at the real clock, so here we must too.
#[allow(clippy::disallowed_methods, reason = "the only clock of these tests")]
pub fn real_now() -> Timestamp {
    Timestamp::now()
}
