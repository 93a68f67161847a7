//! `GET /phone`: the page. `?phone=2` is another phone than the first.

mod activation;
mod button;
mod panels;
mod screen;

use maud::{Markup, html};

use super::{kept, view::View, words::Word};
use crate::cli::sandbox::pages::{
    assets,
    frame::{Page, Place, whole},
    messages::{Answer, Asked, Problem},
    people::Person,
    site::Site,
};

/// A browser without scripts loads a code anew after so many seconds: half of its life.
const REFRESH_S: u32 = 30;

/// The page of one phone.
///
/// # Errors
/// 404: there is no such phone. What the API of account states says.
pub(in crate::cli::sandbox::pages) async fn page(
    site: &Site,
    asked: &Asked,
) -> Result<Answer, Problem> {
    let id = match asked.field("phone") {
        None => Some(1),
        Some(id) => id.parse().ok().filter(|id| kept::is_phone(site, *id)),
    };
    let id = id.ok_or_else(|| Word::NoPhone.problem(asked))?;
    let view = View::of(site, id).await?;
    let language = asked.language;
    let say = |word: Word| word.in_language(language);
    let state = view.to_json(language).to_string();
    let main = html! {
        h1.quiet { (say(Word::Title)) }
        (phones(site, asked, &view))
        p.hint { (say(Word::Invented)) }
        div.handset #phone data-phone=(id) data-state=(state) {
            div.device {
                (activation::blank(language, view.active.is_some()))
                (activation::form(&view, asked))
                (screen::card(site, &view, language))
            }
            (panels::account(&view, language))
        }
    };
    let page = Page {
        place: Place::Phone,
        script: assets::PHONE.path,
        styles: &[assets::PHONE_STYLE.path],
        refresh_s: view.active.is_some().then_some(REFRESH_S),
        main,
    };
    Ok(whole(site, asked, &page))
}

/// The way to each phone.
fn phones(site: &Site, asked: &Asked, view: &View) -> Markup {
    let say = |word: Word| word.in_language(asked.language);
    let people = site.people.borrow();
    let is_new = people.contents().phone(view.id).is_none();
    let known = people.contents().phones.iter().map(|phone| {
        let person = phone.activation.as_ref().and_then(|one| Person::of(one.person));
        (phone.id, person.map_or(say(Word::Blank), |person| person.name(asked.language)))
    });
    let all = known.chain(is_new.then_some((view.id, say(Word::Blank))));
    html! {
        nav.phones aria-label=(say(Word::Phones)) {
            @for (id, whose) in all {
                a href=(link(id, asked)) aria-current=[(id == view.id).then_some("page")] {
                    span { (say(Word::PhoneNumber)) " " (id) } " " span id=[(id == view.id).then_some("whose-phone")] { (whose) }
                }
            }
        }
    }
}

/// A language that was chosen by hand stays.
fn link(id: u8, asked: &Asked) -> String {
    match asked.field("lang") {
        Some(_) => format!("/phone?phone={id}&lang={}", asked.language.tag()),
        None => format!("/phone?phone={id}"),
    }
}
