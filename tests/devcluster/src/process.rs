//! Running of commands: each succeeds, or its error carries what it wrote.

use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::Error;

/// Runs the command and returns its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String, Error> {
    let described = || format!("{command:?}");
    let (name, result) = (described(), command.output());
    let output = result.map_err(|source| Error::Spawn { command: name.clone(), source })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Error::Command {
        command: name,
        status: output.status.to_string(),
        output: last_lines(&String::from_utf8_lossy(&output.stderr)),
    })
}

/// The last twenty lines: where a log says why.
pub(crate) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// Asks until the answer is there, for about `patience`; `None` when it never came.
///
/// Waits are counted, not measured: no clock is read.
pub(crate) fn poll<T>(
    patience: Duration,
    mut ask: impl FnMut() -> Result<Option<T>, Error>,
) -> Result<Option<T>, Error> {
    let (mut waited, mut pause) = (Duration::ZERO, Duration::from_millis(10));
    loop {
        if let Some(answer) = ask()? {
            return Ok(Some(answer));
        }
        if waited >= patience {
            return Ok(None);
        }
        thread::sleep(pause);
        waited += pause;
        pause = (pause * 3 / 2).min(Duration::from_millis(200));
    }
}
