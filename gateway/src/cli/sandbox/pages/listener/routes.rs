//! Which endpoint answers.

use std::rc::Rc;

use http::{
    HeaderValue, Method, Request, StatusCode,
    header::{ALLOW, CONNECTION},
    request::Parts,
};
use hyper::body::Incoming;
use serde_json::json as object;

use super::{
    body::{self, Takes},
    guard::Door,
    share::Share,
};
use crate::cli::sandbox::pages::{
    assets, commands, events, faults, frame, live,
    machines::{self, code},
    messages::{Answer, Asked, Problem, bytes, file, json, text},
    phone,
    site::Site,
    till,
};
use crate::web::{
    headers::{Camera, secure},
    language::Language,
};

/// An endpoint.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
enum Endpoint {
    Home,
    Samples,
    Phone,
    PhoneVerb,
    Code,
    Faults,
    Fault,
    Live,
    Commands,
    Events,
    State,
    Reset,
    Till,
    TillVerb(u8, till::Verb),
    Scan,
}

impl Endpoint {
    /// The endpoint at a path, if there is one.
    fn at(path: &str) -> Option<Self> {
        Some(match path {
            "/" => Self::Home,
            "/phone" => Self::Phone,
            path if path.starts_with(phone::PREFIX) => Self::PhoneVerb,
            "/samples/" => Self::Samples,
            "/sandbox/code" => Self::Code,
            "/faults" => Self::Faults,
            "/sandbox/fault" => Self::Fault,
            "/live" => Self::Live,
            "/commands" => Self::Commands,
            "/sandbox/events" => Self::Events,
            "/sandbox/state" => Self::State,
            "/sandbox/reset" => Self::Reset,
            "/till" => Self::Till,
            "/sandbox/scan" => Self::Scan,
            _ => {
                let (number, verb) = till::Verb::at(path)?;
                Self::TillVerb(number, verb)
            }
        })
    }

    /// What it takes; nothing is for endpoints that only show.
    const fn takes(self) -> Takes {
        match self {
            Self::Home | Self::Phone | Self::Till | Self::Faults => Takes::Nothing,
            Self::Live | Self::Commands | Self::Samples => Takes::Nothing,
            Self::Code | Self::Events | Self::State => Takes::Nothing,
            Self::PhoneVerb | Self::TillVerb(..) | Self::Fault | Self::Reset => Takes::Json,
            Self::Scan => Takes::Picture,
        }
    }
}

/// Answers one request. Each answer tells a browser what it may do with it.
pub(super) async fn answer(door: &Door, site: &Rc<Site>, request: Request<Incoming>) -> Answer {
    let (head, body) = request.into_parts();
    let mut answer = admitted(door, site, &head, body).await;
    // A browser gives its camera only to pages of this machine.
    let camera = if door.share.is_none() { Camera::Own } else { Camera::None };
    secure(answer.headers_mut(), camera);
    answer
}

async fn admitted(door: &Door, site: &Rc<Site>, head: &Parts, body: Incoming) -> Answer {
    let Parts { method, uri, headers, .. } = head;
    if let Err(stranger) = door.check(method, uri, headers) {
        return turned_away(stranger);
    }
    let language = Language::of(uri.query(), headers);
    if let Some(answer) = door.share.as_ref().and_then(|share| unless_known(share, head, language))
    {
        return answer;
    }
    let found = assets::at(uri.path()).or_else(|| machines::file_at(uri.path()));
    if let Some(found) = found {
        return if is_read(method) { file(found) } else { not_allowed("GET, HEAD") };
    }
    let Some(endpoint) = Endpoint::at(uri.path()) else { return no_page(language) };
    let takes = endpoint.takes();
    match (takes, method) {
        (Takes::Nothing, _) if !is_read(method) => return not_allowed("GET, HEAD"),
        (Takes::Json | Takes::Picture, method) if *method != Method::POST => {
            return not_allowed("POST");
        }
        _ => {}
    }
    let body = match body::read(takes, headers, body).await {
        Ok(body) => body,
        Err(problem) => return unread(&problem),
    };
    let asked = Asked {
        path: uri.path().to_owned(),
        query: uri.query().map(str::to_owned),
        headers: headers.clone(),
        body,
        language,
    };
    dispatch(endpoint, site, &asked).await.unwrap_or_else(Answer::from)
}

async fn dispatch(endpoint: Endpoint, site: &Rc<Site>, asked: &Asked) -> Result<Answer, Problem> {
    match endpoint {
        Endpoint::Home => Ok(frame::home(site, asked)),
        Endpoint::Phone => phone::page(site, asked).await,
        Endpoint::PhoneVerb => phone::act(site, asked).await,
        Endpoint::Samples => Ok(machines::samples(site, asked)),
        Endpoint::Code => new_code(site, asked),
        Endpoint::Faults => Ok(faults::page(site, asked)),
        Endpoint::Fault => faults::set(site, asked).await,
        Endpoint::Live => Ok(live::page(site, asked)),
        Endpoint::Commands => Ok(commands::page(site, asked)),
        Endpoint::Events => Ok(events::answer(&site.feed, asked).await),
        Endpoint::Till => Ok(till::page(site, asked)),
        Endpoint::TillVerb(number, verb) => till::act(site, asked, number, verb).await,
        Endpoint::Scan => till::read_picture(asked),
        Endpoint::State => Ok(json(StatusCode::OK, &site.state(asked.language))),
        Endpoint::Reset => {
            faults::reset(site, asked).await?;
            phone::lift_all(site).await?;
            Ok(json(StatusCode::OK, &site.state(asked.language)))
        }
    }
}

fn new_code(site: &Site, asked: &Asked) -> Result<Answer, Problem> {
    let query = asked.query.as_deref().unwrap_or_default();
    let made = code::answer(query, &site.front().issuer, site.clock.now(), asked.language);
    let made = made.map_err(|wrong| Problem::bad(wrong.sentence(asked.language)))?;
    Ok(bytes(made.kind, made.bytes))
}

const fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// What a browser is told that has no cookie yet; `None`: it has one.
fn unless_known(share: &Share, head: &Parts, language: Language) -> Option<Answer> {
    if share.knows(&head.headers) {
        return None;
    }
    let is_link =
        head.uri.path() == "/" && is_read(&head.method) && share.is_link(head.uri.query());
    Some(if is_link {
        share.trade(language)
    } else {
        turned_away(super::guard::Stranger::NoCookie)
    })
}

fn turned_away(stranger: super::guard::Stranger) -> Answer {
    unread(&Problem::new(stranger.status(), stranger.sentence().trim_end()))
}

/// What was not read of a request may still come: the connection ends.
fn unread(problem: &Problem) -> Answer {
    let mut answer = problem.answer();
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

fn not_allowed(allowed: &'static str) -> Answer {
    let sentence = format!("method not allowed; allowed: {allowed}");
    let mut answer = json(StatusCode::METHOD_NOT_ALLOWED, &object!({ "error": sentence }));
    let headers = answer.headers_mut();
    headers.insert(ALLOW, HeaderValue::from_static(allowed));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

fn no_page(language: Language) -> Answer {
    let pages = "/ /phone /till /faults /live /commands";
    let sentence = match language {
        Language::English => format!("There is no such page. There are: {pages}\n"),
        Language::Chinese => format!("没有这个页面。有：{pages}\n"),
    };
    text(StatusCode::NOT_FOUND, sentence)
}
