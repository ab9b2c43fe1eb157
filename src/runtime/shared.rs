//! State that tasks share, and a notification that it has changed.
//!
//! The state is locked for a moment only: a guard lives across no await, and who holds one takes no second lock of the same state.

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

/// Shared state. Clones share the same state.
///
/// # Guarantees
/// A task that waits in [`Shared::changed`] wakes after each change that was notified since it last woke; several changes may
/// wake it once.
///
/// # Assumptions
/// One task waits: each notification wakes one.
#[derive(Debug, Default)]
pub struct Shared<T> {
    state: Arc<Mutex<T>>,
    changed: Arc<Notify>,
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self { state: self.state.clone(), changed: self.changed.clone() }
    }
}

impl<T> Shared<T> {
    /// The state, to read, or to change what nothing waits for.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.state.lock()
    }

    /// Changes the state and notifies the waiting task.
    pub fn change<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let result = change(&mut self.state.lock());
        self.notify();
        result
    }

    /// Changes the state, and notifies the waiting task if the change returns true.
    pub fn change_if(&self, change: impl FnOnce(&mut T) -> bool) {
        let is_worth_it = change(&mut self.state.lock());
        if is_worth_it {
            self.notify();
        }
    }

    /// Notifies the waiting task of a change outside of the state.
    pub fn notify(&self) {
        self.changed.notify_one();
    }

    /// Waits for a notification since the last call.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn a_change_wakes_the_waiting_task_once_and_reading_does_not() {
        let shared = Shared::<u32>::default();
        shared.clone().change(|state| *state += 1);
        shared.change(|state| *state += 1);
        assert!(shared.changed().now_or_never().is_some());
        assert_eq!(*shared.lock(), 2);
        shared.change_if(|_| false);
        assert!(shared.changed().now_or_never().is_none());
        shared.change_if(|_| true);
        assert!(shared.changed().now_or_never().is_some());
    }
}
