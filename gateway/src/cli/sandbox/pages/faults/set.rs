//! `POST /sandbox/fault`: switches something on or off, or meets one reason.
//!
//! Each member may be left out; what is left out stays as it is.

use std::{fs, rc::Rc};

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    load, small,
    switches::{Backend, LOAD_PER_S_MAX, Scanner, Switches},
    ways,
    words::Word,
};
use crate::cli::sandbox::{
    backend::Condition,
    pages::{
        messages::{Answer, Asked, Call, Exchange, Problem, exchange, json as answer_json},
        site::Site,
    },
    settings::Settings,
};
use crate::refusal::Refusal;
use crate::web::language::Language;

/// Texts in the page's language.
type Say = fn(Word) -> &'static str;

const fn saying(language: Language) -> Say {
    match language {
        Language::English => Word::english,
        Language::Chinese => Word::chinese,
    }
}

/// What a body may say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    backend: Option<Backend>,
    booked: Option<bool>,
    scanner: Option<Scanner>,
    /// The phone whose code is photographed; the scanner then reads the photograph.
    photograph: Option<u8>,
    load_per_s: Option<u16>,
    /// Whether the tills talk to a gateway whose table has eight slots.
    small_table: Option<bool>,
    /// A reason that the switchboard meets by a request of its own.
    reason: Option<String>,
}

/// Answers `switches`, and `met` if a reason was asked for.
///
/// # Errors
/// The body is not right, or something could not be switched. What was switched before stays.
pub(in crate::cli::sandbox::pages) async fn set(
    site: &Rc<Site>,
    asked: &Asked,
) -> Result<Answer, Problem> {
    let wanted: Wanted = asked.json()?;
    let say = saying(asked.language);
    if wanted.load_per_s.is_some_and(|per_s| per_s > LOAD_PER_S_MAX) {
        return Err(Problem::bad(say(Word::LoadRange)));
    }
    let reason = wanted.reason.as_deref().map(|name| known(name, say)).transpose()?;
    if let Some(phone) = wanted.photograph {
        photograph(site, phone, say)?;
    }
    if let Some(scanner) = wanted.scanner {
        site.switches.borrow_mut().scanner = scanner;
    }
    if wanted.backend.is_some() || wanted.booked.is_some() {
        let (was, now) = {
            let switches = site.switches.borrow();
            let backend = wanted.backend.unwrap_or(switches.backend);
            (switches.backend, (backend, wanted.booked.unwrap_or(switches.booked)))
        };
        set_backend(site, was, now, say).await?;
    }
    if let Some(is_small) = wanted.small_table {
        set_table(site, is_small, say).await?;
    }
    if let Some(per_s) = wanted.load_per_s {
        load::begin(site, per_s)?;
    }
    let met = match reason {
        Some(reason) => Some(meet(site, reason, say).await?),
        None => None,
    };
    site.feed.state_changed();
    let body = json!({ "switches": *site.switches.borrow(), "met": met });
    Ok(answer_json(StatusCode::OK, &body))
}

/// Blank phones and tills, nothing switched on.
///
/// # Errors
/// The file of the phones cannot be written, or the gateway does not take its settings back.
pub(in crate::cli::sandbox::pages) async fn reset(
    site: &Site,
    asked: &Asked,
) -> Result<(), Problem> {
    site.people.borrow_mut().begin_afresh().map_err(|error| {
        let what = asked.say("The phones cannot be kept", "手机状态无法保存");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("{what}: {error}"))
    })?;
    site.shown.borrow_mut().clear();
    site.tills.begin_afresh();
    let done = switch_off(site, asked).await;
    site.feed.state_changed();
    done
}

/// Everything works again.
async fn switch_off(site: &Site, asked: &Asked) -> Result<(), Problem> {
    let was = site.switches.borrow().backend;
    let say = saying(asked.language);
    set_backend(site, was, (Backend::Works, false), say).await?;
    set_table(site, false, say).await?;
    load::end(site);
    *site.switches.borrow_mut() = Switches::default();
    Ok(())
}

fn known(name: &str, say: Say) -> Result<Refusal, Problem> {
    let found = Refusal::ALL.into_iter().find(|refusal| refusal.reason() == name);
    found.ok_or_else(|| Problem::bad(say(Word::UnknownReason)))
}

/// Keeps what a phone shows now.
fn photograph(site: &Site, phone: u8, say: Say) -> Result<(), Problem> {
    if site.people.borrow().contents().phone(phone).is_none() {
        return Err(Problem::new(StatusCode::NOT_FOUND, say(Word::NoSuchPhone)));
    }
    let shown = site.shown.borrow().get(&phone).map(|shown| shown.digits.clone());
    let shown = shown.ok_or_else(|| Problem::conflict(say(Word::NothingShown)))?;
    let mut switches = site.switches.borrow_mut();
    switches.photograph = Some(shown);
    switches.scanner = Scanner::Screenshot;
    Ok(())
}

async fn set_backend(
    site: &Site,
    was: Backend,
    (backend, booked): (Backend, bool),
    say: Say,
) -> Result<(), Problem> {
    let rests = |backend| backend == Backend::Maintenance;
    if rests(was) != rests(backend) {
        let refused = |why: String| {
            Problem::new(StatusCode::BAD_GATEWAY, format!("{}: {why}", say(Word::BackendRefuses)))
        };
        set_maintenance(site, rests(backend)).await.map_err(refused)?;
    }
    site.standin.set(condition(backend, booked));
    let mut switches = site.switches.borrow_mut();
    (switches.backend, switches.booked) = (backend, booked);
    Ok(())
}

/// Codes that phones show are of the other gateway's issuer from now on.
async fn set_table(site: &Site, is_small: bool, say: Say) -> Result<(), Problem> {
    if site.switches.borrow().small_table == is_small {
        return Ok(());
    }
    load::end(site);
    let second = if is_small { Some(small::start(site, say).await?) } else { None };
    // Dropped after the borrow has ended.
    let _before = site.second.replace(second);
    site.switches.borrow_mut().small_table = is_small;
    site.shown.borrow_mut().clear();
    Ok(())
}

/// Of the stand-in. Maintenance is the gateway's own.
fn condition(backend: Backend, booked: bool) -> Condition {
    let name = match backend {
        Backend::Maintenance => "works".to_owned(),
        backend if backend.loses_answer() && booked => format!("{}-booked", backend.name()),
        backend => backend.name().to_owned(),
    };
    Condition::named(&name).unwrap_or_default()
}

/// Writes the gateway's settings and lets it read them, as an operator does.
async fn set_maintenance(site: &Site, maintenance: bool) -> Result<(), String> {
    let settings = Settings { maintenance, ..site.settings.clone() };
    let path = site.files.directory.join("gateway.toml");
    let written = fs::write(&path, settings.text());
    written.map_err(|error| format!("{}: {error}", path.display()))?;
    let (method, target) = (Method::POST, "/reload".to_owned());
    let call = Call { method, target, headers: Vec::new(), body: Default::default() };
    let heard = exchange(site.addresses.admin, call, &site.clock).await.heard?;
    if heard.status.is_success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&heard.body).trim().to_owned())
}

/// Sends the request that meets a reason, and says what came back.
async fn meet(site: &Rc<Site>, reason: Refusal, say: Say) -> Result<Value, Problem> {
    let exchange = ways::meet(site, reason).await?;
    let exchange = exchange.ok_or_else(|| Problem::bad(say(Word::UnknownReason)))?;
    Ok(told(site, &exchange))
}

fn told(site: &Site, exchange: &Exchange) -> Value {
    let Exchange { heard, ms, .. } = exchange;
    match heard {
        Err(why) => json!({ "ms": ms, "why": why }),
        Ok(heard) => {
            if let Some(outcome) = heard.header("yanma-outcome") {
                site.saw(outcome);
            }
            let mut told = heard.json();
            if let Some(told) = told.as_object_mut() {
                told.insert("ms".to_owned(), (*ms).into());
            }
            told
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_switch_is_a_condition_of_the_stand_in() {
        for backend in Backend::ALL {
            for booked in [false, true] {
                let name = condition(backend, booked).name();
                let expected = match backend {
                    Backend::Maintenance => "works".to_owned(),
                    lost if lost.loses_answer() && booked => format!("{}-booked", lost.name()),
                    other => other.name().to_owned(),
                };
                assert_eq!(name, expected);
            }
        }
    }
}
