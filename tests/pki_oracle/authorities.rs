//! The authorities under which leaves are issued: our own roots, and CAs that OpenSSL made as a company would.

use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::{SignedDuration, Timestamp};
use mtls_operator::pki::{Authority, AuthorityPem, RootAlgorithm};

use crate::tool::require_tool;

/// Roots are older than the expired leaves that are issued under them.
const AGE: SignedDuration = SignedDuration::from_hours(72);
const YEAR: SignedDuration = SignedDuration::from_hours(24 * 365);

/// OpenSSL's own defaults differ from version to version, so nothing is left to them.
const CONFIG: &str = "[req]\nprompt = no\ndistinguished_name = dn\nx509_extensions = ca\n[dn]\n[ca]\n\
    basicConstraints = critical, CA:true\nkeyUsage = critical, keyCertSign, cRLSign\n\
    subjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid\n";

/// What OpenSSL is told to make a key, and the form the key has then.
const KEYS: [(&str, &[&str]); 5] = [
    ("rsa-pkcs1", &["genrsa", "-traditional", "-out", "KEY", "2048"]),
    ("rsa-pkcs8", &["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072", "-out", "KEY"]),
    ("p256-sec1", &["ecparam", "-name", "prime256v1", "-genkey", "-out", "KEY"]),
    ("p384-pkcs8", &["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-out", "KEY"]),
    ("ed25519-pkcs8", &["genpkey", "-algorithm", "ED25519", "-out", "KEY"]),
];

/// Each authority with its name. Without OpenSSL only our own.
pub fn all(folder: &Path, now: Timestamp) -> Vec<(String, AuthorityPem)> {
    let own = [RootAlgorithm::EcdsaP256, RootAlgorithm::EcdsaP384];
    let mut found: Vec<_> =
        own.map(|algorithm| (format!("generated-{algorithm}"), generate(algorithm, now))).into();
    let Some(openssl) = require_tool("openssl") else { return found };
    let openssl = OpenSsl::new(openssl, folder);
    for (form, make_key) in KEYS {
        openssl.make_key(form, make_key);
        found.push((format!("root-{form}"), openssl.root(form, &format!("/O=Example/CN={form} root"))));
        found.push((format!("intermediate-{form}"), openssl.intermediate(form, make_key)));
    }
    found
}

pub fn generate(algorithm: RootAlgorithm, now: Timestamp) -> AuthorityPem {
    Authority::generate("oracle", algorithm, YEAR + AGE, now - AGE).unwrap()
}

/// OpenSSL as a maker of CAs, in a folder of its own.
pub struct OpenSsl {
    program: PathBuf,
    folder: PathBuf,
}

impl OpenSsl {
    pub fn new(program: PathBuf, folder: &Path) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(folder.join("ca.cnf"), CONFIG).unwrap();
        Self { program, folder: folder.to_owned() }
    }

    /// Makes `<name>.key`.
    pub fn make_key(&self, name: &str, command: &[&str]) {
        let file = format!("{name}.key");
        let arguments: Vec<&str> =
            command.iter().map(|word| if *word == "KEY" { &file } else { *word }).collect();
        self.run(&arguments);
    }

    /// A self-signed CA with the key `<name>.key`.
    pub fn root(&self, name: &str, subject: &str) -> AuthorityPem {
        self.certify(name, subject, None);
        let root = self.read(name, "crt");
        AuthorityPem { chain: root.clone(), key: self.read(name, "key").into(), anchors: root }
    }

    /// A CA two levels below a root, all with keys of one form; the chain leaves the root out.
    fn intermediate(&self, form: &str, make_key: &[&str]) -> AuthorityPem {
        let (upper, signer) = (format!("{form}-upper"), format!("{form}-signer"));
        self.make_key(&upper, make_key);
        self.make_key(&signer, make_key);
        self.certify(&upper, &format!("/O=Example/CN={form} upper"), Some(form));
        self.certify(&signer, &format!("/O=Example/CN={form} signer"), Some(&upper));
        AuthorityPem {
            chain: [self.read(&signer, "crt"), self.read(&upper, "crt")].concat(),
            key: self.read(&signer, "key").into(),
            anchors: self.read(form, "crt"),
        }
    }

    fn certify(&self, name: &str, subject: &str, issuer: Option<&str>) {
        let (key, certificate) = (format!("{name}.key"), format!("{name}.crt"));
        let mut arguments = vec!["req", "-x509", "-new", "-utf8", "-config", "ca.cnf", "-days", "365"];
        arguments.extend(["-multivalue-rdn", "-subj", subject, "-key", &key, "-out", &certificate]);
        let issuer = issuer.map(|issuer| (format!("{issuer}.crt"), format!("{issuer}.key")));
        if let Some((certificate, key)) = &issuer {
            arguments.extend(["-CA", certificate, "-CAkey", key]);
        }
        self.run(&arguments);
    }

    pub fn read(&self, name: &str, extension: &str) -> Vec<u8> {
        std::fs::read(self.folder.join(format!("{name}.{extension}"))).unwrap()
    }

    fn run(&self, arguments: &[&str]) {
        let output = Command::new(&self.program).args(arguments).current_dir(&self.folder).output().unwrap();
        assert!(
            output.status.success(),
            "openssl {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
