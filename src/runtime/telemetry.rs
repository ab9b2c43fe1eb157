//! Logs: for people on a terminal, as JSON otherwise. They go to standard error.

use std::io::{IsTerminal as _, stderr};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

/// What these say at `warn` holds whole answers of the API server; the watches tell of their errors themselves. Whoever
/// names the same modules with another level gets that.
const QUIETED: &str = "kube_client::client=error,kube_runtime::watcher=error";

/// Format of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter cannot be read.
    #[error("the log filter {filter:?} cannot be read ({source}); write it as in info,mtls_operator=debug")]
    Filter {
        /// The filter.
        filter: String,
        /// Why.
        source: tracing_subscriber::filter::ParseError,
    },
    /// A word of the filter is no level. Taken for the name of a module, as it would be, it silences all others.
    #[error(
        "the log filter {filter:?} holds {word:?}, which is no level; \
         write off, error, warn, info, debug or trace, or a module with its level as in mtls_operator=debug"
    )]
    Level {
        /// The filter.
        filter: String,
        /// The word.
        word: String,
    },
    /// Logging is set up already.
    #[error("logging is set up already: {0}")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Sets up logging.
///
/// # Errors
/// Where the filter cannot be read.
pub fn init(format: LogFormat, filter: &str) -> Result<(), TelemetryError> {
    let builder = tracing_subscriber::fmt().with_env_filter(parse(filter)?).with_writer(stderr);
    if is_json(format) {
        builder.json().flatten_event(true).with_current_span(false).finish().try_init()?;
    } else {
        builder.with_ansi(stderr().is_terminal()).with_target(false).finish().try_init()?;
    }
    Ok(())
}

fn parse(filter: &str) -> Result<EnvFilter, TelemetryError> {
    let bare = filter.split(',').map(str::trim).filter(|word| !word.contains(['=', '[', ']', '{', '}']));
    if let Some(word) = bare.into_iter().find(|word| word.is_empty() || word.parse::<LevelFilter>().is_err())
    {
        return Err(TelemetryError::Level { filter: filter.to_owned(), word: word.to_owned() });
    }
    let words = filter.split(',').map(str::trim);
    let words = std::iter::once(QUIETED).chain(words).collect::<Vec<_>>().join(",");
    EnvFilter::try_new(words).map_err(|source| TelemetryError::Filter { filter: filter.to_owned(), source })
}

fn is_json(format: LogFormat) -> bool {
    match format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !stderr().is_terminal(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_modules_with_levels_are_filters() {
        for filter in ["info", "off", "info,mtls_operator=debug", "warn, kube[request]=trace"] {
            assert!(parse(filter).is_ok(), "{filter}");
        }
    }

    #[test]
    fn what_logs_whole_answers_is_quiet_unless_it_is_named() {
        let usual = parse("info").unwrap().to_string();
        assert!(usual.contains("kube_client::client=error"), "{usual}");
        let named = parse("info,kube_client::client=debug").unwrap().to_string();
        assert!(named.contains("kube_client::client=debug") && !named.contains("client=error"), "{named}");
    }

    #[test]
    fn a_misspelt_level_is_refused_and_does_not_silence_the_log() {
        let sentence = parse("inof,kube=debug").unwrap_err().to_string();
        assert!(sentence.contains(r#"holds "inof", which is no level; write off, error"#), "{sentence}");
    }

    #[test]
    fn an_empty_filter_is_refused_and_does_not_silence_the_log() {
        for filter in ["", " ", "info,", "===="] {
            assert!(parse(filter).is_err(), "{filter:?}");
        }
    }

    #[test]
    fn a_bad_level_of_a_module_is_refused_with_an_example() {
        let sentence = parse("kube=loud").unwrap_err().to_string();
        assert!(sentence.contains("write it as in info,mtls_operator=debug"), "{sentence}");
    }
}
