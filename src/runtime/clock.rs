//! stub
use std::time::Duration;
/// x
#[derive(Clone)]
pub struct Clock;
impl Clock {
    /// x
    pub fn now(&self) -> jiff::Timestamp { jiff::Timestamp::UNIX_EPOCH }
    /// x
    pub fn monotonic(&self) -> Duration { Duration::ZERO }
    /// x
    pub async fn sleep_until(&self, _d: jiff::Timestamp, _m: Duration) {}
    /// x
    pub async fn sleep(&self, _m: Duration) {}
}
