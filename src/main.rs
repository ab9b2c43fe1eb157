//! x
fn main() {
    for d in mtls_operator::api::definitions() {
        println!("---\n{}", serde_norway::to_string(&d).unwrap());
    }
}
