//! The first page: what there is, and where to begin.

use maud::html;

use super::page::{Page, Place, link, whole};
use super::words::Word;
use crate::cli::sandbox::pages::{
    assets,
    messages::{Answer, Asked},
    site::Site,
};

/// Each page with what it is for.
const DOORS: [(Place, Word); 5] = [
    (Place::Phone, Word::AboutPhone),
    (Place::Till, Word::AboutTill),
    (Place::Faults, Word::AboutFaults),
    (Place::Live, Word::AboutLive),
    (Place::Commands, Word::AboutCommands),
];

/// `GET /`.
pub(in crate::cli::sandbox::pages) fn home(site: &Site, asked: &Asked) -> Answer {
    let say = |word: Word| word.in_language(asked.language);
    let addresses = &site.addresses;
    let main = html! {
        h1 { (say(Word::Sandbox)) }
        p { (say(Word::Lead)) }
        div.doors {
            @for (place, about) in DOORS {
                section.card {
                    a href=(link(place, asked)) { (say(place.name())) }
                    p { (say(about)) }
                }
            }
        }
        section.card {
            h2 { (say(Word::FirstSteps)) }
            ol {
                li { (say(Word::StepOne)) }
                li { (say(Word::StepTwo)) }
                li { (say(Word::StepThree)) }
            }
            p { strong { (say(Word::GoldenRule)) } }
        }
        section.card {
            h2 { (say(Word::WhereItRuns)) }
            dl.figures {
                div { dt { (say(Word::Gateway)) } dd.name { (addresses.gateway) } }
                div { dt { (say(Word::Admin)) } dd.name { (addresses.admin) } }
                div { dt { (say(Word::StandIn)) } dd.name { (addresses.backend) } }
            }
        }
    };
    let script = assets::PAGE.path;
    whole(site, asked, &Page { place: Place::Home, script, styles: &[], refresh_s: None, main })
}
