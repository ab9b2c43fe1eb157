//! What is logged in this thread, as people read it.

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The log.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Another thread that ends its log while this one begins must not disable a line for good: a global subscriber stays.
    fn new() -> Self {
        drop(tracing::subscriber::set_global_default(tracing_subscriber::registry()));
        Self::default()
    }

    /// A log of what follows, as long as the guard lives.
    pub fn listen() -> (Self, DefaultGuard) {
        let log = Self::new();
        let writer = log.clone();
        let format = tracing_subscriber::fmt().without_time().with_target(false).with_ansi(false);
        (log, format.with_writer(move || writer.clone()).finish().set_default())
    }

    /// The same, as machines read it.
    pub fn listen_as_machine() -> (Self, DefaultGuard) {
        let log = Self::new();
        let writer = log.clone();
        let format = tracing_subscriber::fmt().json().flatten_event(true).with_current_span(false);
        (log, format.with_writer(move || writer.clone()).finish().set_default())
    }

    /// The lines since the last time.
    pub fn lines(&self) -> Vec<String> {
        let text = std::mem::take(&mut *self.0.lock());
        String::from_utf8(text).unwrap().lines().map(|line| line.trim().to_owned()).collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
