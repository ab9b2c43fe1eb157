//! One signal to stop, many who wait for it. The second signal ends the process at once.

use std::future::Future;
use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// The signal to stop.
#[derive(Clone)]
pub struct Shutdown(watch::Receiver<bool>);

/// What gives the signal.
#[derive(Clone)]
pub struct Trigger(watch::Sender<bool>);

/// A second signal came before the process had stopped.
#[derive(Debug, thiserror::Error)]
#[error("stopped by a second signal, before work in flight was finished")]
pub struct Aborted;

impl Shutdown {
    /// A signal that is given by hand.
    #[must_use]
    pub fn manual() -> (Self, Trigger) {
        let (trigger, shutdown) = watch::channel(false);
        (Self(shutdown), Trigger(trigger))
    }

    /// The signals that ask a process to stop: SIGTERM and SIGINT. The future ends with the second one.
    ///
    /// # Errors
    /// Where the signals cannot be listened to.
    pub fn on_signals() -> io::Result<(Self, impl Future<Output = Aborted>)> {
        let (shutdown, trigger) = Self::manual();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut next = async move || {
            tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            }
        };
        let second = async move {
            let signal = next().await;
            tracing::info!(signal, "stops when what is in flight is finished");
            trigger.fire();
            next().await;
            Aborted
        };
        Ok((shutdown, second))
    }

    /// Whether it was given, or its sender is gone.
    #[must_use]
    pub fn is_triggered(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Waits for it. That its sender is gone is a reason to stop as well.
    pub async fn triggered(&self) {
        let mut signal = self.0.clone();
        let _ = signal.wait_for(|triggered| *triggered).await;
    }
}

impl Trigger {
    /// Gives the signal.
    pub fn fire(&self) {
        self.0.send_replace(true);
    }
}
