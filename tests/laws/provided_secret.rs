//! Laws of the Secrets in which people provide a CA: only an authority that they name signs with it.

use mtls_operator::pki::ChainTop;
use mtls_operator::plan::authority::provided_secret::ProvidedSecret;

const OPAQUE: &str = "Opaque";
const ROOT: &str = "mtls-operator.dev/root";

fn input<'a>(type_: &'a str, provides_for: Option<&'a str>) -> ProvidedSecret<'a> {
    ProvidedSecret { namespace: "mtls-system", name: "corporate-ca", type_, provides_for }
}

#[test]
fn a_secret_provides_only_for_the_authorities_that_it_names() {
    let rows = [
        (Some("mesh"), true),
        (Some("mesh,corp"), true),
        (Some(" corp , mesh "), true),
        (None, false),
        (Some(""), false),
        (Some("corp"), false),
        (Some("mesh-2"), false),
        (Some("Mesh"), false),
        (Some("mesh corp"), false),
        (Some("*"), false),
    ];
    for (provides_for, consents) in rows {
        let refusal = input(OPAQUE, provides_for).refusal("mesh", false);
        assert_eq!(refusal.is_none(), consents, "{provides_for:?}: {refusal:?}");
    }
}

#[test]
fn what_an_authority_signs_with_already_needs_no_annotation() {
    assert_eq!(input(OPAQUE, None).refusal("mesh", true), None);
}

#[test]
fn a_root_secret_provides_for_no_other_authority_whatever_it_says() {
    for is_in_force in [false, true] {
        let refusal = input(ROOT, Some("mesh")).refusal("mesh", is_in_force).unwrap();
        assert!(refusal.contains("of another type"), "{refusal}");
    }
}

/// The command that a sentence gives adds to what the annotation says, and never repeats what cannot be a list of names.
#[test]
fn a_refusal_gives_the_command_that_keeps_the_authorities_named_already() {
    let command =
        "kubectl -n mtls-system annotate secret corporate-ca --overwrite mtls-operator.dev/provides-for=";
    let long = "a".repeat(300);
    let rows = [
        (None, "mesh)"),
        (Some("corp , edge"), "corp,edge,mesh)"),
        (Some("$(reboot)"), "<the names that it has>,mesh)"),
        (Some(&*long), "<the names that it has>,mesh)"),
    ];
    for (provides_for, value) in rows {
        let refusal = input(OPAQUE, provides_for).refusal("mesh", false).unwrap();
        assert!(refusal.ends_with(&format!("({command}{value}")), "{refusal}");
    }
}

#[test]
fn a_secret_without_anchors_says_what_belongs_there_and_how_to_add_it() {
    let rows = [
        (Some(ChainTop::Alone), r#".data["ca.crt"] = .data["tls.crt"]"#),
        (Some(ChainTop::Root), "the last certificate of tls.crt"),
        (Some(ChainTop::Below("CN=Example Root".into())), "\"CN=Example Root\""),
        (None, "root.pem"),
    ];
    for (top, advice) in rows {
        let sentence = input(OPAQUE, None).missing_anchors_message(top.as_ref());
        assert!(sentence.starts_with("Secret mtls-system/corporate-ca has no ca.crt"), "{sentence}");
        assert!(sentence.contains(advice) && sentence.contains("kubectl -n mtls-system"), "{sentence}");
    }
}
