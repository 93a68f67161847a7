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
/// The phone: what a person does on it.
pub(super) const PHONE: File = File {
    path: "/assets/phone.js",
    kind: SCRIPT,
    text: include_str!("../phone/page/assets/phone.js"),
};
/// The phone: the code on its screen.
const SCREEN: File = File {
    path: "/assets/screen.js",
    kind: SCRIPT,
    text: include_str!("../phone/page/assets/screen.js"),
};
/// The phone: the steps of an activation.
const ACTIVATION: File = File {
    path: "/assets/activation.js",
    kind: SCRIPT,
    text: include_str!("../phone/page/assets/activation.js"),
};
/// The phone's shape.
pub(super) const PHONE_STYLE: File = File {
    path: "/assets/phone.css",
    kind: "text/css; charset=utf-8",
    text: include_str!("../phone/page/assets/phone.css"),
};

/// The page's one stream of events, for all modules.
const STREAM: File =
    File { path: "/assets/stream.js", kind: SCRIPT, text: include_str!("stream.js") };
/// Decisions as they come.
pub(super) const LIVE: File =
    File { path: "/assets/live.js", kind: SCRIPT, text: include_str!("live.js") };
/// Rows of decisions.
const ROWS: File = File { path: "/assets/rows.js", kind: SCRIPT, text: include_str!("rows.js") };
/// Commands that are copied.
pub(super) const COMMANDS: File =
    File { path: "/assets/commands.js", kind: SCRIPT, text: include_str!("commands.js") };
/// What these two look like.
pub(super) const LIVE_STYLE: File = File {
    path: "/assets/live.css",
    kind: "text/css; charset=utf-8",
    text: include_str!("live.css"),
};
/// The till.
pub(super) const TILL: File =
    File { path: "/assets/till.js", kind: SCRIPT, text: include_str!("till.js") };
/// The till's colours and sizes.
pub(super) const TILL_STYLE: File = File {
    path: "/assets/till.css",
    kind: "text/css; charset=utf-8",
    text: include_str!("till.css"),
};
/// What the till's module loads: scanners, and messages for developers.
const SCANNER: File =
    File { path: "/assets/scanner.js", kind: SCRIPT, text: include_str!("scanner.js") };
const EXCHANGE: File =
    File { path: "/assets/exchange.js", kind: SCRIPT, text: include_str!("exchange.js") };

/// The file at a path.
pub(super) fn at(path: &str) -> Option<&'static File> {
    static FILES: [File; SHARED.len()] = SHARED;
    static OWN: &[File] = &[
        STYLE,
        PAGE,
        FAULTS,
        TILL,
        TILL_STYLE,
        SCANNER,
        EXCHANGE,
        PHONE,
        SCREEN,
        ACTIVATION,
        PHONE_STYLE,
        STREAM,
        LIVE,
        ROWS,
        COMMANDS,
        LIVE_STYLE,
    ];
    FILES.iter().chain(OWN).find(|file| file.path == path)
}
