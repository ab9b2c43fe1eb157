//! No key gets into a log (I6), in whatever form a library may write it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::ResourceExt as _;
use kube::api::ListParams;
use test_support::namespace::TestNamespace;
use test_support::objects::value;

/// Keys of Secrets whose values must not be in a log.
const KEPT: [&str; 3] = ["tls.key", "next.key", "evidence.key"];
/// So many octets occur nowhere else by chance, and fit on a line of every form.
const ENOUGH: usize = 18;
/// What precedes the private number of an ECDSA key in its DER: the version, and the tag and length of 32 octets.
const BEFORE_NUMBER: [u8; 5] = [2, 1, 1, 4, 32];

/// No key of a Secret of the operator, or of an identity in this namespace, is in the log.
pub async fn assert_no_key_in(log: &str, namespace: &TestNamespace) {
    let mut secrets = namespace.system_secrets().list(&ListParams::default()).await.unwrap().items;
    secrets.extend(namespace.secrets().list(&ListParams::default()).await.unwrap());
    let mut looked_for = 0;
    for (secret, key) in secrets.iter().flat_map(|secret| KEPT.map(|key| (secret, key))) {
        for form in forms(&value(secret, key)) {
            assert!(!log.contains(&form), "{key} of Secret {} is in the log", secret.name_any());
            looked_for += 1;
        }
    }
    assert!(looked_for > 0, "there was no key to look for");
    assert!(log.contains("\"TRACE\""), "the log holds nothing of the finest level");
}

/// The forms in which a part that no other key has may have been written: of what the Secret holds, and where that is PEM, of
/// the number in it and of a line of it.
fn forms(held: &[u8]) -> Vec<String> {
    let Ok(pem) = std::str::from_utf8(held) else { return forms_of(held) };
    let body: String = pem.lines().filter(|line| !line.starts_with("---")).collect();
    let Ok(der) = STANDARD.decode(&body) else { return forms_of(held) };
    let Some(at) = der.windows(5).position(|found| found == BEFORE_NUMBER) else { return Vec::new() };
    let number = forms_of(&der[at + 5..]);
    // The number begins on the first line.
    let end = &body[48..64];
    let in_pem = pem.find(end).unwrap();
    [number, forms_of(&held[in_pem..]), vec![end.to_owned()]].concat()
}

fn forms_of(octets: &[u8]) -> Vec<String> {
    if octets.len() < ENOUGH {
        return Vec::new();
    }
    let octets = &octets[..ENOUGH];
    // What begins at any of three octets is another text in base64; what follows is in its last character.
    let in_base64 = (0..3).map(|from| STANDARD.encode(&octets[from..from + ENOUGH - 3]));
    let mut forms: Vec<String> = in_base64.collect();
    forms.push(hex(octets));
    forms.push(octets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    forms
}

fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |text, octet| text + &format!("{octet:02x}"))
}
