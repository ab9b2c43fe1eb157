//! Waits are for something to become true, with patience for a busy machine, and say what they waited for in vain.

use std::future::Future;
use std::time::Duration;

use crate::Failure;

/// Longest that anything may take which has no time of its own.
pub const PATIENCE: Duration = Duration::from_mins(4);
const PAUSE: Duration = Duration::from_millis(300);

/// Asks until there is an answer.
pub async fn until<T, F, A>(what: &str, ask: A) -> Result<T, Failure>
where
    F: Future<Output = Result<Option<T>, Failure>>,
    A: Fn() -> F,
{
    let asking = async {
        loop {
            if let Some(answer) = ask().await? {
                return Ok(answer);
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    let answer = tokio::time::timeout(PATIENCE, asking).await;
    answer.unwrap_or_else(|_| Err(format!("waited in vain for {what}").into()))
}

/// An error, unless it is so.
pub fn ensure(is_so: bool, otherwise: impl FnOnce() -> String) -> Result<(), Failure> {
    if is_so { Ok(()) } else { Err(otherwise().into()) }
}
