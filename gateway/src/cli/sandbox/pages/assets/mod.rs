//! The files that the pages load. All of them are in the program.

use crate::web::files::{File, SCRIPT, SHARED};

/// Colours and shapes of the sandbox's pages.
pub(super) const STYLE: File = File {
    path: "/assets/sandbox.css",
    kind: "text/css; charset=utf-8",
    text: include_str!("sandbox.css"),
};
/// What every page does: it sends forms, and tells what is switched on.
pub(super) const PAGE: File =
    File { path: "/assets/page.js", kind: SCRIPT, text: include_str!("page.js") };
/// The switchboard.
pub(super) const FAULTS: File =
    File { path: "/assets/faults.js", kind: SCRIPT, text: include_str!("faults.js") };

/// The file at a path.
pub(super) fn at(path: &str) -> Option<&'static File> {
    static FILES: [File; SHARED.len()] = SHARED;
    static OWN: [File; 3] = [STYLE, PAGE, FAULTS];
    FILES.iter().chain(&OWN).find(|file| file.path == path)
}
