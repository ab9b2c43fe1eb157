//! The command line: each flag is also an environment variable, and the help text is the committed one.

use std::fs;
use std::process::{Command, Output};

use clap::CommandFactory as _;
use mtls_operator::cli::Cli;

/// The committed help; `UPDATE=1` writes it again.
const HELP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/log/help.txt");

/// The program, with nothing in its environment that changes what it says.
fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_mtls-operator"));
    program.env_clear();
    program
}

fn printed(output: &Output) -> String {
    String::from_utf8([output.stdout.clone(), output.stderr.clone()].concat()).unwrap()
}

#[test]
fn the_help_is_the_committed_one() {
    let shown = [&["--help"][..], &["run", "--help"], &["help", "crds"]].map(|arguments| {
        let output = program().args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}");
        format!("$ mtls-operator {}\n{}\n", arguments.join(" "), printed(&output))
    });
    let help = shown.concat();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(HELP, &help).unwrap();
    }
    assert_eq!(help, fs::read_to_string(HELP).unwrap(), "read it, then write it with UPDATE=1");
}

#[test]
fn each_flag_is_also_the_environment_variable_of_its_name() {
    let command = Cli::command();
    let run = command.find_subcommand("run").unwrap();
    let flags: Vec<_> =
        run.get_arguments().filter(|flag| !["help", "version"].contains(&flag.get_id().as_str())).collect();
    assert!(flags.len() >= 10, "{} flags", flags.len());
    for flag in flags {
        let name = flag.get_long().unwrap().to_uppercase().replace('-', "_");
        let variable = flag.get_env().unwrap().to_str().unwrap();
        assert_eq!(variable, format!("MTLS_OPERATOR_{name}"));
    }
}

#[test]
fn the_environment_is_in_force_and_a_flag_overrides_it() {
    let lines = |arguments: &[&str]| {
        let output = program()
            .arg("run")
            .args(arguments)
            .envs([
                ("KUBECONFIG", "/nowhere/kubeconfig"),
                ("MTLS_OPERATOR_ADMIN_ADDRESS", "127.0.0.1:0"),
                ("MTLS_OPERATOR_LOG_FORMAT", "text"),
                ("MTLS_OPERATOR_LOG_FILTER", "error"),
            ])
            .output()
            .unwrap();
        printed(&output)
    };
    let environment = lines(&[]);
    assert!(environment.contains("mtls-operator ends") && !environment.contains("{\""), "{environment}");
    let format = lines(&["--log-format", "json"]);
    assert!(format.contains("mtls-operator ends") && format.contains("{\""), "{format}");
    let filter = lines(&["--log-filter", "off"]);
    assert!(!filter.contains("mtls-operator ends"), "{filter}");
}
