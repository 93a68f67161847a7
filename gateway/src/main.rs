//! yanma
fn main() {}
