//! The authorities under which leaves are issued: our own roots, and CAs that OpenSSL made as a company would.

use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::{SignedDuration, Timestamp};
use mtls_operator::pki::{Authority, AuthorityPem, RootAlgorithm};

use super::require_tool;
use crate::ca::Ca;

/// Roots are older than the expired leaves that are issued under them.
const AGE: SignedDuration = SignedDuration::from_hours(72);
const YEAR: SignedDuration = SignedDuration::from_hours(24 * 365);

/// OpenSSL's own defaults differ from version to version, so nothing is left to them.
const CONFIG: &str = "[req]\nprompt = no\ndistinguished_name = dn\nx509_extensions = ca\n[dn]\n[ca]\n\
    basicConstraints = critical, CA:true\nkeyUsage = critical, keyCertSign, cRLSign\n\
    subjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid\n";

const P256: &[&str] = &["ecparam", "-name", "prime256v1", "-genkey", "-out", "KEY"];

/// The kind of names that is written in other strings than `UTF8String`.
const OLD_STRINGS: &str = "old-strings";

/// A CA whose issuer has no key identifier that it could name.
const BELOW_OLD_ROOT: &str = "below-old-root";

/// What OpenSSL is told to make a key, and the form the key has then.
pub const KEYS: [(&str, &[&str]); 5] = [
    ("rsa-pkcs1", &["genrsa", "-traditional", "-out", "KEY", "2048"]),
    ("rsa-pkcs8", &["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072", "-out", "KEY"]),
    ("p256-sec1", P256),
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
        let subjects = [form, "upper", "signer"].map(|name| format!("/O=Example/CN={form} {name}"));
        found.push((format!("intermediate-{form}"), openssl.intermediate(form, make_key, &subjects)));
    }
    for (name, subjects) in named(&openssl) {
        found.push((format!("root-{name}"), openssl.root(name, &subjects[0])));
        found.push((format!("intermediate-{name}"), openssl.intermediate(name, P256, &subjects)));
    }
    found.push((VERSION_1.into(), openssl.below_version_1()));
    found.push(("root-without-end".into(), without_end(now)));
    found
}

/// An authority whose root says nothing of itself. OpenSSL takes it for an anchor, save where it is strict.
pub const VERSION_1: &str = "intermediate-version-1-root";

/// Names that rcgen cannot write, as a root and two intermediates have them. Those of the last kind are in strings of
/// old times, among them `T61String` and `BMPString`.
fn named(openssl: &OpenSsl) -> [(&'static str, [String; 3]); 4] {
    let names = [
        ("active-directory", "/DC=com/DC=example/DC=corp/CN=Issuing CA".to_owned()),
        ("two-units", format!("/O=Example/OU=Security/OU=PKI/CN={}", "x".repeat(64))),
        ("side-by-side", "/C=DE/O=Example+OU=PKI/CN=a+serialNumber=1".to_owned()),
        (OLD_STRINGS, "/C=DE/O=Bücher/OU=Ω/CN=root".to_owned()),
    ];
    names.map(|(name, subject)| {
        openssl.make_key(name, P256);
        (name, ["root", "upper", "signer"].map(|level| subject.replace("/CN=", &format!("/OU={level}/CN="))))
    })
}

/// Made by rcgen: OpenSSL 3.0 takes days only. The end is RFC 5280's "no well-defined expiration date".
fn without_end(now: Timestamp) -> AuthorityPem {
    let end = time::OffsetDateTime::from_unix_timestamp(253_402_300_799).unwrap();
    let ca = Ca::root_with("without end", now, |params| params.not_after = end);
    ca.provided(&[], &ca)
}

/// A root of our own, old enough to have signed a leaf that has expired.
pub fn generate(algorithm: RootAlgorithm, now: Timestamp) -> AuthorityPem {
    Authority::generate("oracle", algorithm, YEAR + AGE, now - AGE).unwrap()
}

/// OpenSSL as a maker of CAs, in a folder of its own.
pub struct OpenSsl {
    program: PathBuf,
    folder: PathBuf,
    digest: &'static str,
}

impl OpenSsl {
    /// OpenSSL, working in this folder.
    pub fn new(program: PathBuf, folder: &Path) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(folder.join("ca.cnf"), CONFIG).unwrap();
        let old = CONFIG.replacen("prompt = no", "prompt = no\nstring_mask = default", 1);
        std::fs::write(folder.join("old.cnf"), old).unwrap();
        let no_key_id = CONFIG.replacen("authorityKeyIdentifier = keyid", "", 1);
        std::fs::write(folder.join("no-key-id.cnf"), no_key_id).unwrap();
        Self { program, folder: folder.to_owned(), digest: "-sha256" }
    }

    /// The same, signing as CAs did once.
    pub fn with_sha_1(self) -> Self {
        Self { digest: "-sha1", ..self }
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

    /// A CA two levels below the root of this form, all with keys of one form; the chain leaves the root out.
    pub fn intermediate(&self, form: &str, make_key: &[&str], subjects: &[String; 3]) -> AuthorityPem {
        let (upper, signer) = (format!("{form}-upper"), format!("{form}-signer"));
        self.make_key(&upper, make_key);
        self.make_key(&signer, make_key);
        let above = self.signed(&upper, &subjects[1], form);
        let signer = self.signed(&signer, &subjects[2], &upper);
        AuthorityPem { chain: [signer.chain, above.chain].concat(), key: signer.key, anchors: above.anchors }
    }

    /// A CA below a root of version 1, as CAs made them long ago.
    fn below_version_1(&self) -> AuthorityPem {
        for name in ["old-root", BELOW_OLD_ROOT] {
            self.make_key(name, P256);
        }
        let request = ["req", "-new", "-config", "ca.cnf", "-subj", "/CN=Old root", "-key", "old-root.key"];
        self.run(&[&request[..], &["-out", "old-root.csr"]].concat());
        let certify = ["x509", "-req", "-in", "old-root.csr", "-signkey", "old-root.key", "-days", "365"];
        self.run(&[&certify[..], &["-out", "old-root.crt"]].concat());
        self.signed(BELOW_OLD_ROOT, "/CN=below", "old-root")
    }

    /// A CA with the key `<name>.key`, whose issuer is its anchor.
    pub fn signed(&self, name: &str, subject: &str, issuer: &str) -> AuthorityPem {
        self.certify(name, subject, Some(issuer));
        AuthorityPem {
            chain: self.read(name, "crt"),
            key: self.read(name, "key").into(),
            anchors: self.read(issuer, "crt"),
        }
    }

    fn certify(&self, name: &str, subject: &str, issuer: Option<&str>) {
        let (key, certificate) = (format!("{name}.key"), format!("{name}.crt"));
        let config = match name {
            BELOW_OLD_ROOT => "no-key-id.cnf",
            name if name.starts_with(OLD_STRINGS) => "old.cnf",
            _ => "ca.cnf",
        };
        let mut arguments = vec!["req", "-x509", "-new", "-utf8", "-config", config, "-days", "365"];
        arguments.extend([
            "-multivalue-rdn",
            self.digest,
            "-subj",
            subject,
            "-key",
            &key,
            "-out",
            &certificate,
        ]);
        let issuer = issuer.map(|issuer| (format!("{issuer}.crt"), format!("{issuer}.key")));
        if let Some((certificate, key)) = &issuer {
            arguments.extend(["-CA", certificate, "-CAkey", key]);
        }
        self.run(&arguments);
    }

    /// A file that it has made.
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
