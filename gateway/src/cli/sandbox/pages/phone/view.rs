//! All that a page may know of a phone. Never a password, nor its hash.

use serde_json::{Value, json};

use super::{
    account,
    held::Held,
    kept, regions,
    usage::{self, Use},
};
use crate::cli::sandbox::pages::{
    messages::Problem,
    people::{Activation, Member, Person},
    site::Site,
};
use crate::web::language::Language;
use keyring::time::UnixMillis;

/// A phone.
pub(super) struct View {
    pub(super) id: u8,
    pub(super) clock_ahead_s: i32,
    /// The number of the next new phone, if there is room for one.
    pub(super) next_phone: Option<u8>,
    pub(super) now: UnixMillis,
    /// The id of the code on its screen, and whether a decision has spent it.
    shown: Option<(String, bool)>,
    /// `None`: it is blank.
    pub(super) active: Option<Active>,
}

/// The code on a phone, and what is known of its person.
pub(super) struct Active {
    pub(super) person: &'static Person,
    pub(super) activation: Activation,
    members: Vec<Member>,
    held: Held,
    usage: Vec<Use>,
}

impl View {
    /// # Errors
    /// What the API of account states says.
    pub(super) async fn of(site: &Site, id: u8) -> Result<Self, Problem> {
        let (activation, clock_ahead_s) = {
            let people = site.people.borrow();
            let phone = people.contents().phone(id);
            let activation = phone.and_then(|phone| phone.activation.clone());
            (activation, phone.map_or(0, |phone| phone.clock_ahead_s))
        };
        let active = match activation.and_then(|one| Some((Person::of(one.person)?, one))) {
            None => None,
            Some((person, activation)) => {
                let held = account::held(site, person).await?;
                let usage = usage::last(site, person);
                let people = site.people.borrow();
                let family = people.contents().family(person.id);
                let members = family.map(|family| family.members.clone()).unwrap_or_default();
                Some(Active { person, activation, members, held, usage })
            }
        };
        let shown = site.shown.borrow().get(&id).map(|code| code.code_id.clone());
        let shown = shown.map(|code_id| {
            let is_spent = site.feed.spent_by(&code_id).is_some();
            (code_id, is_spent)
        });
        let next_phone = kept::next_phone(site);
        Ok(Self { id, clock_ahead_s, next_phone, now: site.clock.now(), shown, active })
    }

    pub(super) fn to_json(&self, language: Language) -> Value {
        json!({
            "id": self.id,
            "now_ms": self.now.get(),
            "clock_ahead_s": self.clock_ahead_s,
            "next_phone": self.next_phone,
            "shown": self.shown.as_ref().map(|(code_id, is_spent)| {
                json!({ "code_id": code_id, "is_spent": is_spent })
            }),
            "activation": self.active.as_ref().map(|active| active.to_json(self.now, language)),
        })
    }
}

impl Active {
    fn to_json(&self, now: UnixMillis, language: Language) -> Value {
        let Self { person, activation, members, held, usage } = self;
        let Activation { channel, epoch, region, password, shown_relation, .. } = activation;
        let member = |one: &Member| {
            let wait_s = held.wait_s(one.relation, now);
            json!({ "relation": one.relation, "name": one.name, "wait_s": wait_s })
        };
        json!({
            "person": person.id,
            "name": person.name(language),
            // A string, because numbers above 2^53 lose digits in JavaScript and jq.
            "subject": person.subject.to_string(),
            "channel": channel,
            "epoch": epoch,
            "region": region,
            "region_name": self.region_name(language),
            "has_password": password.is_some(),
            "shown_relation": shown_relation,
            "members": members.iter().map(member).collect::<Vec<_>>(),
            "holds": held.holds,
            "is_unbound": held.is_unbound(channel, *epoch),
            "usage": usage.iter().map(|one| line(one, language)).collect::<Vec<_>>(),
        })
    }

    /// A place that the phone does not offer has its number for a name.
    pub(super) fn region_name(&self, language: Language) -> Option<String> {
        let number = self.activation.region.as_deref()?;
        let name = regions::name(number).map(|word| word.in_language(language).to_owned());
        Some(name.unwrap_or_else(|| number.to_owned()))
    }
}

fn line(one: &Use, language: Language) -> Value {
    json!({
        "time": one.time,
        "route": one.route,
        "outcome": one.outcome,
        "sentence": one.sentence(language),
        "is_refused": one.is_refused(),
        "request_id": one.request_id,
    })
}
