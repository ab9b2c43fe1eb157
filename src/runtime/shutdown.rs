//! stub
/// x
#[derive(Clone)]
pub struct Shutdown;
impl Shutdown {
    /// x
    pub async fn triggered(&self) {}
}
