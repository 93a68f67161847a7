//! A whole page: header, the way to the other pages, what is switched on.

use maud::{Markup, html};

use super::words::Word;
use crate::cli::sandbox::pages::{
    assets,
    messages::{Answer, Asked, html},
    site::Site,
};
use crate::web::frame::{Frame, document};

/// Where a person is.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(in crate::cli::sandbox::pages) enum Place {
    Home,
    Phone,
    Till,
    Faults,
    Live,
    Commands,
}

impl Place {
    const ALL: [Self; 6] =
        [Self::Home, Self::Phone, Self::Till, Self::Faults, Self::Live, Self::Commands];

    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Home => "/",
            Self::Phone => "/phone",
            Self::Till => "/till",
            Self::Faults => "/faults",
            Self::Live => "/live",
            Self::Commands => "/commands",
        }
    }

    pub(super) const fn name(self) -> Word {
        match self {
            Self::Home => Word::Sandbox,
            Self::Phone => Word::Phone,
            Self::Till => Word::Till,
            Self::Faults => Word::Faults,
            Self::Live => Word::Live,
            Self::Commands => Word::Commands,
        }
    }
}

/// What differs from page to page.
#[derive(Debug)]
pub(in crate::cli::sandbox::pages) struct Page<'a> {
    pub(in crate::cli::sandbox::pages) place: Place,
    /// The address of its module.
    pub(in crate::cli::sandbox::pages) script: &'a str,
    /// Styles beside those that all pages have.
    pub(in crate::cli::sandbox::pages) styles: &'a [&'static str],
    /// After so many seconds a browser without scripts loads it again.
    pub(in crate::cli::sandbox::pages) refresh_s: Option<u32>,
    pub(in crate::cli::sandbox::pages) main: Markup,
}

/// The answer with a page.
pub(in crate::cli::sandbox::pages) fn whole(site: &Site, asked: &Asked, page: &Page<'_>) -> Answer {
    let language = asked.language;
    let say = |word: Word| word.in_language(language);
    let styles: Vec<&'static str> =
        [assets::STYLE.path].into_iter().chain(page.styles.iter().copied()).collect();
    let query = kept(asked);
    let frame = Frame {
        language,
        title: &format!("{} · Yanma", say(page.place.name())),
        skip: say(Word::Skip),
        languages: say(Word::Languages),
        script: page.script,
        styles: &styles,
        refresh_s: page.refresh_s,
        query: &query,
    };
    let header = html! {
        span.product { strong { "Yanma 验码" } }
        nav.pages aria-label=(say(Word::Pages)) {
            @for place in Place::ALL {
                a href=(link(place, asked)) aria-current=[(place == page.place).then_some("page")] {
                    (say(place.name()))
                }
            }
        }
    };
    let on = site.switched_on(language);
    let main = html! {
        p.on #on data-label=(say(Word::SwitchedOn)) hidden[on.is_empty()] {
            @if !on.is_empty() { (say(Word::SwitchedOn)) ": " (on.join(" · ")) }
        }
        p.told #told role="alert" hidden data-gone=(say(Word::Gone)) {}
        (page.main)
    };
    html(language, document(&frame, &header, &main))
}

/// The way to a page. A language that was chosen by hand stays.
pub(super) fn link(place: Place, asked: &Asked) -> String {
    match asked.field("lang") {
        Some(_) => format!("{}?lang={}", place.path(), asked.language.tag()),
        None => place.path().to_owned(),
    }
}

/// The fields of the address beside the language, each behind an `&`.
fn kept(asked: &Asked) -> String {
    let fields = asked.query.as_deref().unwrap_or_default().split('&');
    let kept = fields.filter(|field| !field.is_empty() && !field.starts_with("lang="));
    kept.map(|field| format!("&{field}")).collect()
}
