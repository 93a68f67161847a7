//! Says which commit a release is built from, as `YANMA_REVISION`: a build may set it, else git is
//! asked, and without git it is `unknown`.
//!
//! Development builds do not ask, so that a commit builds nothing anew.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=YANMA_REVISION");
    let set = std::env::var("YANMA_REVISION").ok().filter(|text| is_plain(text));
    let is_release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let revision = set.or_else(|| if is_release { asked_of_git() } else { None });
    println!("cargo::rustc-env=YANMA_REVISION={}", revision.as_deref().unwrap_or("unknown"));
}

/// The commit that is checked out. Sources that only lie below another repository are not its.
fn asked_of_git() -> Option<String> {
    let arguments = ["rev-parse", "--show-prefix", "--git-path", "logs/HEAD", "--short=12", "HEAD"];
    let answer = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(answer.stdout).ok().filter(|_| answer.status.success())?;
    let [prefix, moves, revision] = text.lines().collect::<Vec<_>>().try_into().ok()?;
    if prefix != "gateway/" || !is_plain(revision) {
        return None;
    }
    // Grows with each commit and checkout. A file that is missing would build anew each time.
    if std::path::Path::new(moves).exists() {
        println!("cargo::rerun-if-changed={moves}");
    }
    Some(revision.to_owned())
}

/// It becomes a label, and a line of cargo's.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.+".contains(c))
}
