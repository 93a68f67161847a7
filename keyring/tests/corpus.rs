//! Replays the fuzz targets' corpus: every input that was ever worth keeping.

#![allow(
    clippy::indexing_slicing,
    reason = "the shared targets are test code: an index that is not there fails, as it should"
)]

use std::path::Path;

#[path = "../fuzz/targets.rs"]
mod targets;

fn replay(target: &str, run: impl Fn(&[u8])) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut count = 0;
    for entry in std::fs::read_dir(&directory).expect("a corpus") {
        let path = entry.expect("an entry").path();
        println!("{}", path.display());
        run(&std::fs::read(&path).expect("a file"));
        count += 1;
    }
    assert!(count >= 20, "{}: {count} inputs", directory.display());
}

#[test]
fn codes() {
    replay("code", targets::code);
}

#[test]
fn signatures() {
    replay("signature", targets::signature);
}
