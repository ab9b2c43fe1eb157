//! nginx and Apache, which verify clients, with their default limit of CAs below a root. One server of each answers under a
//! name of its own for each set of roots.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use mtls_operator::pki::{
    Authority, CommonName, KeyAlgorithm, LeafProfile, PrivateKey, RootAlgorithm, Serial, SpiffeId, Validity,
};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, Stream};
use tempfile::TempDir;
use test_support::tools::authorities;
use test_support::tools::{require_tool, skip};

use crate::batch::first_line;
use crate::family_roots::real_now;
use crate::listener::certificates;
use crate::question::{Judge, Question, Verdict};

/// The server's answer to a client that it has accepted.
const LET_IN: &str = "HTTP/1.1 204";
/// A server on a busy machine takes so many tenths of a second to start.
const PATIENCE: usize = 300;

/// A program, and how it is configured.
struct WebServer {
    program: PathBuf,
    /// `SSLVerifyDepth` of Apache.
    depth: u8,
    start: fn(&Self, &Site) -> Running,
}

pub fn nginx() -> Option<Box<dyn Judge>> {
    let program = require_tool("nginx")?;
    Some(Box::new(WebServer { program, depth: 1, start: start_nginx }))
}

/// Its default is 1.
pub fn apache(depth: u8) -> Option<Box<dyn Judge>> {
    let program = require_tool("apache2")?;
    if !Path::new(MODULES).join("mod_ssl.so").is_file() {
        skip("apache2", &format!("{MODULES}/mod_ssl.so is missing"));
        return None;
    }
    Some(Box::new(WebServer { program, depth, start: start_apache }))
}

impl Judge for WebServer {
    fn version(&self) -> String {
        first_line(Command::new(&self.program).arg("-v"))
    }

    fn judge(&self, questions: &[Question]) -> Vec<Verdict> {
        let site = Site::of(questions);
        let running = (self.start)(self, &site);
        questions.iter().map(|question| site.visit(&running, question)).collect()
    }
}

/// The names under which the server answers, each with the roots that it trusts there, and its own identity.
struct Site {
    folder: TempDir,
    names: BTreeMap<PathBuf, String>,
}

impl Site {
    fn of(questions: &[Question]) -> Self {
        let mut names = BTreeMap::new();
        for question in questions {
            let number = names.len();
            names.entry(question.trust.clone()).or_insert_with(|| format!("site-{number}.shop.test"));
        }
        let site = Self { folder: tempfile::tempdir().unwrap(), names };
        site.write_identity();
        site
    }

    fn write_identity(&self) {
        let now = real_now();
        let root = authorities::generate(RootAlgorithm::EcdsaP256, now);
        let authority = Authority::load(&root, now).unwrap();
        let profile = LeafProfile {
            spiffe_id: SpiffeId::new(&"cluster.local".parse().unwrap(), "shop", "web"),
            dns_names: vec!["*.shop.test".to_owned()],
            ip_addresses: Vec::new(),
            key_algorithm: KeyAlgorithm::EcdsaP256,
            common_name: CommonName::None,
        };
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let window = Validity::leaf(now, SignedDuration::from_hours(1), authority.window());
        let issued = authority.issue(&profile, key, window, Serial::random().unwrap()).unwrap();
        fs::write(self.file("root.pem"), root.anchors).unwrap();
        fs::write(self.file("server.pem"), issued.chain_pem).unwrap();
        fs::write(self.file("server.key"), issued.key_pem.as_bytes()).unwrap();
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn shown(&self, name: &str) -> String {
        self.file(name).display().to_string()
    }

    /// Whether the server accepts a client with this chain.
    fn visit(&self, running: &Running, question: &Question) -> Verdict {
        let name = &self.names[&question.trust];
        let mut connection = ClientConnection::new(self.client(question), server_name(name)).unwrap();
        let request = format!("GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
        let answer = match &running.address {
            Address::Unix(path) => ask(&mut connection, &mut UnixStream::connect(path).unwrap(), &request),
            Address::Port(port) => {
                ask(&mut connection, &mut TcpStream::connect(("127.0.0.1", *port)).unwrap(), &request)
            }
        };
        if answer.starts_with(LET_IN) { Ok(()) } else { Err(answer) }
    }

    fn client(&self, question: &Question) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(certificates(&self.file("root.pem")).remove(0)).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
        let key = PrivateKeyDer::from_pem_file(&question.key).unwrap();
        Arc::new(config.with_client_auth_cert(certificates(&question.chain), key).unwrap())
    }
}

fn server_name(name: &str) -> ServerName<'static> {
    ServerName::try_from(name.to_owned()).unwrap()
}

/// What the server answers, or how the connection ended.
fn ask(connection: &mut ClientConnection, socket: &mut (impl Read + Write), request: &str) -> String {
    let mut stream = Stream::new(connection, socket);
    let mut answer = Vec::new();
    let end = stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_end(&mut answer));
    if answer.is_empty() {
        return end.err().map_or_else(|| "no answer".to_owned(), |error| error.to_string());
    }
    String::from_utf8_lossy(&answer).into_owned()
}

enum Address {
    Unix(PathBuf),
    Port(u16),
}

/// A server that runs until this is dropped.
struct Running {
    address: Address,
    process: Child,
}

impl Running {
    /// Waits until it answers.
    fn start(command: &mut Command, address: Address, log: &Path) -> Self {
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        for _ in 0..PATIENCE {
            let ended = process.try_wait().unwrap();
            let said = || fs::read_to_string(log).unwrap_or_default();
            assert!(ended.is_none(), "{command:?}: {ended:?}: {}", said());
            let is_open = match &address {
                Address::Unix(path) => UnixStream::connect(path).is_ok(),
                Address::Port(port) => TcpStream::connect(("127.0.0.1", *port)).is_ok(),
            };
            if is_open {
                return Self { address, process };
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let _ = process.kill();
        panic!("{command:?} does not answer");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The depth of verification is the default: 1.
fn start_nginx(server: &WebServer, site: &Site) -> Running {
    let socket = site.file("socket");
    let mut text = String::from("daemon off;\nmaster_process off;\nevents {}\nhttp {\naccess_log off;\n");
    for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        writeln!(text, "{kind}_temp_path {};", site.shown(kind)).unwrap();
    }
    // All sites share the parameters of the listener, so it is described once.
    for (trust, name) in &site.names {
        writeln!(text, "server {{\nlisten unix:{} ssl;\nserver_name {name};", socket.display()).unwrap();
        writeln!(text, "ssl_certificate {};", site.shown("server.pem")).unwrap();
        writeln!(text, "ssl_certificate_key {};", site.shown("server.key")).unwrap();
        writeln!(text, "ssl_client_certificate {};", trust.display()).unwrap();
        writeln!(text, "ssl_verify_client on;\nlocation / {{ return 204; }}\n}}").unwrap();
    }
    text.push_str("}\n");
    fs::write(site.file("nginx.conf"), text).unwrap();
    let (log, pid) = (site.file("log"), site.shown("pid"));
    let mut command = Command::new(&server.program);
    command.arg("-p").arg(site.folder.path()).arg("-c").arg(site.file("nginx.conf")).arg("-e").arg(&log);
    Running::start(command.args(["-g", &format!("pid {pid};")]), Address::Unix(socket), &log)
}

/// Where Debian has Apache's modules.
const MODULES: &str = "/usr/lib/apache2/modules";

fn start_apache(server: &WebServer, site: &Site) -> Running {
    // Apache cannot take a free port and report it. If another program takes this one first, Apache's error says so.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let log = site.file("log");
    let mut text = format!("Listen 127.0.0.1:{port}\nServerName shop.test\nPidFile {}\n", site.shown("pid"));
    writeln!(text, "ErrorLog {}\nDefaultRuntimeDir {}", log.display(), site.folder.path().display()).unwrap();
    for module in ["mpm_event", "authz_core", "alias", "ssl"] {
        writeln!(text, "LoadModule {module}_module {MODULES}/mod_{module}.so").unwrap();
    }
    writeln!(text, "User www-data\nGroup www-data\nMutex pthread\nRedirect 204 /").unwrap();
    for (trust, name) in &site.names {
        writeln!(text, "<VirtualHost 127.0.0.1:{port}>\nServerName {name}\nSSLEngine on").unwrap();
        writeln!(text, "SSLCertificateFile {}", site.shown("server.pem")).unwrap();
        writeln!(text, "SSLCertificateKeyFile {}", site.shown("server.key")).unwrap();
        writeln!(text, "SSLCACertificateFile {}", trust.display()).unwrap();
        writeln!(text, "SSLVerifyClient require\nSSLVerifyDepth {}\n</VirtualHost>", server.depth).unwrap();
    }
    fs::write(site.file("apache.conf"), text).unwrap();
    let mut command = Command::new(&server.program);
    command.arg("-d").arg(site.folder.path()).arg("-f").arg(site.file("apache.conf")).arg("-X");
    Running::start(&mut command, Address::Port(port), &log)
}
