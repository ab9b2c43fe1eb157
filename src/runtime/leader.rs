//! stub
/// x
#[derive(Clone)]
pub struct Leadership;
impl Leadership {
    /// x
    pub fn is_leader(&self) -> bool { true }
    /// x
    pub async fn until_leader(&mut self) {}
}
