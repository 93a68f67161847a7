//! The files that pages load. All of them are in the binary.

/// A file as a listener serves it.
#[derive(Debug)]
pub(crate) struct File {
    /// Where pages find it.
    pub(crate) path: &'static str,
    /// Its media type.
    pub(crate) kind: &'static str,
    pub(crate) text: &'static str,
}

/// The media type of a module.
pub(crate) const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Colours, letters and tables of all pages.
pub(crate) const STYLE: File = File {
    path: "/assets/style.css",
    kind: "text/css; charset=utf-8",
    text: include_str!("assets/style.css"),
};
/// The sign in a browser's tab.
pub(crate) const ICON: File =
    File { path: "/assets/icon.svg", kind: "image/svg+xml", text: include_str!("assets/icon.svg") };

/// What every page may load.
pub(crate) const SHARED: [File; 5] = [
    STYLE,
    ICON,
    // Puts the values of a JSON document into a page.
    File { path: "/assets/bind.js", kind: SCRIPT, text: include_str!("assets/bind.js") },
    // Writes values as `value.rs` does.
    File { path: "/assets/format.js", kind: SCRIPT, text: include_str!("assets/format.js") },
    // Draws lines and bars as SVG.
    File { path: "/assets/plot.js", kind: SCRIPT, text: include_str!("assets/plot.js") },
];
