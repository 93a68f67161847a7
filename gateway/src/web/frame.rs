//! The frame of a page: head, the way past the header, the two languages.

use maud::{DOCTYPE, Markup, html};

use super::{files, language::Language};

/// What a page says about itself.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) language: Language,
    pub(crate) title: &'a str,
    /// The link that goes past the header.
    pub(crate) skip: &'a str,
    /// What the choice of languages is called.
    pub(crate) languages: &'a str,
    /// The address of the page's own module.
    pub(crate) script: &'a str,
    /// Addresses of styles beside the shared one.
    pub(crate) styles: &'a [&'static str],
    /// After so many seconds a browser without scripts loads the page again.
    pub(crate) refresh_s: Option<u32>,
    /// The fields of the address that stay when the language changes.
    pub(crate) query: &'a str,
}

/// A whole document. `header` names the node, `main` is the page.
pub(crate) fn document(frame: &Frame<'_>, header: &Markup, main: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang=(frame.language.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (frame.title) }
                link rel="icon" href=(files::ICON.path) type="image/svg+xml";
                link rel="stylesheet" href=(files::STYLE.path);
                @for style in frame.styles { link rel="stylesheet" href=(style); }
                script type="module" src=(frame.script) {}
                @if let Some(seconds) = frame.refresh_s {
                    noscript { meta http-equiv="refresh" content=(seconds); }
                }
            }
            body {
                a.skip href="#main" { (frame.skip) }
                header.top {
                    (header)
                    nav aria-label=(frame.languages) {
                        @for language in Language::ALL {
                            @let is_this = language == frame.language;
                            a href=(format!("?lang={}{}", language.tag(), frame.query)) lang=(language.tag())
                                hreflang=(language.tag()) aria-current=[is_this.then_some("true")] {
                                (language.name())
                            }
                        }
                    }
                }
                main id="main" { (main) }
            }
        }
    };
    page.into_string()
}
