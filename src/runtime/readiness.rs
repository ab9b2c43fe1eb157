//! stub
/// x
#[derive(Clone)]
pub struct Readiness;
/// x
pub struct ReadinessHandle;
impl Readiness {
    /// x
    pub fn new() -> Self { Self }
    /// x
    pub fn handle(&self, _n: &str) -> ReadinessHandle { ReadinessHandle }
    /// x
    pub async fn ready(&self) {}
}
