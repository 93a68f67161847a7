//! What all endpoints share. One thread has it, so nothing is locked.

mod front;
mod second;

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    fs,
    net::SocketAddr,
    rc::Rc,
    sync::{Arc, atomic::AtomicU16},
};

use http::{HeaderValue, Method, StatusCode, header::AUTHORIZATION};
use serde_json::{Value, json};

pub(super) use self::front::Front;
pub(super) use self::second::{Process, Second};
use super::{
    events::Feed,
    faults::Switches,
    messages::{Call, Exchange, Heard, Problem, exchange},
    people::{PEOPLE, People},
    till::Tills,
};
use crate::cli::sandbox::backend::Switch;
use crate::cli::sandbox::directory::Files;
use crate::cli::sandbox::examples::Examples;
use crate::cli::sandbox::settings::{Addresses, Settings};
use crate::refusal::Refusal;
use crate::web::language::Language;
use clock::Clock;

/// Where the second gateway's files are, in the directory of the first.
pub(super) const SMALL: &str = "small";

/// The code that a phone shows.
#[derive(Clone, Debug)]
pub(super) struct ShownCode {
    /// 255 digits.
    pub(super) digits: String,
    /// `<key id>-<issued at>-<serial>`.
    pub(super) code_id: String,
}

/// What all endpoints share.
pub(super) struct Site {
    pub(super) addresses: Addresses,
    /// The gateway's, when nothing is switched on.
    pub(super) settings: Settings,
    pub(super) files: Files,
    pub(super) clock: Clock,
    /// How the stand-in fails.
    pub(super) standin: Switch,
    first: Rc<Front>,
    /// While it runs, the tills talk to it.
    pub(super) second: RefCell<Option<Second>>,
    pub(super) people: RefCell<People>,
    /// By the phone's number: what a scanner in front of it reads.
    pub(super) shown: RefCell<BTreeMap<u8, ShownCode>>,
    pub(super) switches: RefCell<Switches>,
    /// The rate of the payments that the switchboard sends; 0: the minute is over.
    pub(super) load: RefCell<Option<Arc<AtomicU16>>>,
    /// Reasons that were met.
    seen: RefCell<BTreeSet<&'static str>>,
    pub(super) tills: Tills,
    /// What the gateway has decided.
    pub(super) feed: Rc<Feed>,
    /// The commands to paste.
    pub(super) examples: Examples,
    requests: Cell<u64>,
}

/// What a site is made of.
pub(super) struct Parts {
    pub(super) settings: Settings,
    pub(super) clock: Clock,
    pub(super) standin: Switch,
    pub(super) front: Front,
    pub(super) people: People,
    pub(super) feed: Rc<Feed>,
    pub(super) examples: Examples,
}

impl Site {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { settings, clock, standin, front, people, feed, examples } = parts;
        Self {
            addresses: settings.addresses,
            settings,
            files: front.files.clone(),
            clock,
            standin,
            first: Rc::new(front),
            second: RefCell::default(),
            feed,
            examples,
            people: RefCell::new(people),
            shown: RefCell::default(),
            switches: RefCell::default(),
            load: RefCell::default(),
            seen: RefCell::default(),
            tills: Tills::default(),
            requests: Cell::new(0),
        }
    }

    /// The gateway that the tills talk to.
    pub(super) fn gateway(&self) -> SocketAddr {
        self.front().addresses.gateway
    }

    /// The same, with its files and its issuer.
    pub(super) fn front(&self) -> Rc<Front> {
        let second = self.second.borrow();
        Rc::clone(second.as_ref().map_or(&self.first, |second| &second.front))
    }

    /// Sends a call to the gateway as a hospital system does.
    ///
    /// Not cancel safe: what was sent may be done.
    pub(super) async fn ask_gateway(&self, call: Call) -> Exchange {
        exchange(self.gateway(), call, &self.clock).await
    }

    /// Changes one account state through the API of writers: an object of `changes` with its `op`.
    ///
    /// # Errors
    /// What the API says, as a sentence.
    pub(super) async fn change_account(&self, change: Value) -> Result<Value, Problem> {
        let number = self.requests.get() + 1;
        self.requests.set(number);
        let name = format!("pages-{}-{number}", self.clock.now());
        let body = json!({ "request": name, "changes": [change] }).to_string();
        self.ask_accounts(Method::POST, "/accounts/changes", body).await
    }

    /// What the account states hold for a person: `entries` with `facet`, `value` and `number`.
    ///
    /// # Errors
    /// What the API says, as a sentence.
    pub(super) async fn account(&self, subject: u64) -> Result<Value, Problem> {
        self.ask_accounts(Method::GET, &format!("/accounts/{subject}"), String::new()).await
    }

    async fn ask_accounts(
        &self,
        method: Method,
        target: &str,
        body: String,
    ) -> Result<Value, Problem> {
        let call = Call {
            method,
            target: target.to_owned(),
            headers: vec![(AUTHORIZATION, self.writers_token()?)],
            body: body.into(),
        };
        let answer = exchange(self.front().addresses.accounts, call, &self.clock).await.heard;
        let Heard { status, body, .. } =
            answer.map_err(|why| Problem::new(StatusCode::BAD_GATEWAY, why))?;
        let json: Value = serde_json::from_slice(&body).unwrap_or_default();
        if status.is_success() {
            return Ok(json);
        }
        let text = |name| json.get(name).and_then(Value::as_str).unwrap_or("?").to_owned();
        Err(Problem::conflict(format!("{}: {}", text("reason"), text("detail"))))
    }

    fn writers_token(&self) -> Result<HeaderValue, Problem> {
        let unreadable = |why: String| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, why);
        let path = &self.front().files.accounts_token;
        let token = fs::read_to_string(path)
            .map_err(|error| unreadable(format!("{}: {error}", path.display())))?;
        let value = HeaderValue::from_str(&format!("Bearer {}", token.trim()));
        value.map_err(|_| unreadable(format!("{} holds no token", path.display())))
    }

    /// A reason was met.
    pub(super) fn saw(&self, outcome: &str) {
        let reason = Refusal::ALL.into_iter().find(|refusal| refusal.reason() == outcome);
        self.seen.borrow_mut().extend(reason.map(Refusal::reason));
    }

    /// Reasons that were met: those of the record, and those that need no line of it.
    pub(super) fn seen(&self) -> BTreeSet<&'static str> {
        let counters = self.feed.counters();
        let recorded = counters.get("seen").and_then(Value::as_array).into_iter().flatten();
        recorded.filter_map(Value::as_str).for_each(|outcome| self.saw(outcome));
        self.seen.borrow().clone()
    }

    /// What is switched on, in words.
    pub(super) fn switched_on(&self, language: Language) -> Vec<String> {
        self.switches.borrow().on(language)
    }

    /// `GET /sandbox/state`.
    pub(super) fn state(&self, language: Language) -> Value {
        let people: Vec<Value> = PEOPLE
            .iter()
            .map(|person| {
                json!({
                    "id": person.id,
                    // A string, because numbers above 2^53 lose digits in JavaScript and jq.
                    "subject": person.subject.to_string(),
                    "name": {
                        "zh": person.name(Language::Chinese),
                        "en": person.name(Language::English),
                    },
                })
            })
            .collect();
        let people_and_phones = self.people.borrow();
        let phones: Vec<Value> =
            people_and_phones.contents().phones.iter().map(super::people::Phone::shown).collect();
        json!({
            "now_ms": self.clock.now().get(),
            "people": people,
            "phones": phones,
            "switches": *self.switches.borrow(),
            // The same in words.
            "on": self.switched_on(language),
            "seen": self.seen(),
        })
    }
}
