//! The code on the screen.

use keyring::code::{Auth, IssuedAt, Kind, Region, Subject};
use keyring::mint::Spec;
use keyring::time::UnixMillis;
use serde_json::{Value, json};

use super::{account, bodies, choices::check_password, kept, words::Word};
use crate::cli::{
    codes::order::{Issued, Order},
    sandbox::pages::{
        messages::{Asked, Problem},
        people::{Activation, Person},
        site::{ShownCode, Site},
    },
};
use crate::web::language::Language;

/// The life of a payment code.
const LIFE_MS: i64 = 60_000;

/// Makes a code and shows it from now on: the tills can take it.
///
/// # Errors
/// 403: a wrong password. 409: no code is activated, no place of insurance is chosen, no such member.
pub(super) async fn show(site: &Site, id: u8, asked: &Asked) -> Result<Value, Problem> {
    let body: bodies::Show = asked.json()?;
    let activation = kept::activation(site, id, asked)?;
    if let Some(typed) = &body.password {
        check_password(&activation, typed, asked)?;
    }
    let relation = body.relation.unwrap_or(activation.shown_relation);
    check_member(site, &activation, relation, asked).await?;
    let wish = Wish::of(&body, &activation, relation).map_err(|word| word.problem(asked))?;
    if relation != activation.shown_relation {
        kept::keep_activation(site, id, asked, |activation| activation.shown_relation = relation)?;
    }
    let now = site.clock.now();
    let ahead_s = clock_ahead_s(site, id);
    let code = issue(site, &activation, &wish, now.plus_ms(i64::from(ahead_s) * 1_000));
    let code = code.ok_or_else(|| Word::WrongClock.problem(asked))?;
    let shown = shown_code(&code);
    site.feed.show_code(&id.to_string(), &shown.code_id);
    site.shown.borrow_mut().insert(id, shown);
    Ok(to_json(&code, &wish, now, asked.language))
}

/// The payment code that a page shows without scripts. It is not registered as shown: a page that is
/// read changes nothing.
pub(super) fn symbol(site: &Site, id: u8, activation: &Activation) -> Option<Issued> {
    let wish = Wish {
        kind: Kind::Payment,
        auth: Auth::Password,
        region: activation.region.as_deref()?.parse().ok()?,
        relation: activation.shown_relation,
    };
    let at = site.clock.now().plus_ms(i64::from(clock_ahead_s(site, id)) * 1_000);
    issue(site, activation, &wish, at)
}

/// Which code a person wants to show.
#[derive(Debug, Eq, PartialEq)]
struct Wish {
    kind: Kind,
    auth: Auth,
    region: Region,
    relation: u8,
}

impl Wish {
    fn of(body: &bodies::Show, activation: &Activation, relation: u8) -> Result<Self, Word> {
        let kind = match body.kind.as_deref() {
            None => Kind::Payment,
            Some(kind) => kind.parse().map_err(|_| Word::WrongKind)?,
        };
        let usual = if kind == Kind::Payment { Auth::Password } else { Auth::None };
        let auth = match body.auth.as_deref() {
            None => usual,
            Some(auth) => auth.parse().map_err(|_| Word::WrongAuth)?,
        };
        let chosen = activation.region.as_deref();
        let region = chosen.or(body.without_region.then_some("000000")).ok_or(Word::NoRegion)?;
        let region = region.parse().map_err(|_| Word::WrongRegion)?;
        Ok(Self { kind, auth, region, relation })
    }
}

/// The holder, a member, or a member that was removed: the gateway refuses the last.
async fn check_member(
    site: &Site,
    activation: &Activation,
    relation: u8,
    asked: &Asked,
) -> Result<(), Problem> {
    let is_known = {
        let people = site.people.borrow();
        let family = people.contents().family(activation.person);
        let members = family.into_iter().flat_map(|family| &family.members);
        relation == 0 || members.into_iter().any(|one| one.relation == relation)
    };
    if is_known {
        return Ok(());
    }
    let person = Person::of(activation.person).ok_or_else(|| Word::WrongPerson.problem(asked))?;
    let is_removed = account::held(site, person).await?.is_removed(relation);
    if is_removed { Ok(()) } else { Err(Word::NoMember.problem(asked)) }
}

fn clock_ahead_s(site: &Site, id: u8) -> i32 {
    site.people.borrow().contents().phone(id).map_or(0, |phone| phone.clock_ahead_s)
}

fn issue(
    site: &Site,
    activation: &Activation,
    wish: &Wish,
    phones_clock: UnixMillis,
) -> Option<Issued> {
    let Wish { kind, auth, region, relation } = *wish;
    let subject = Subject::new(Person::of(activation.person)?.subject)?;
    let issued_at = IssuedAt::from_time(phones_clock)?;
    let epoch = activation.epoch;
    let spec = Spec { kind, issued_at, region, auth, subject, epoch, relation };
    Some(site.front().issuer.issue(&Order { spec, spoil: None }))
}

fn shown_code(code: &Issued) -> ShownCode {
    ShownCode { digits: digits(code), code_id: code.code_id().unwrap_or_default() }
}

fn digits(code: &Issued) -> String {
    code.digits().into_iter().map(char::from).collect()
}

fn to_json(code: &Issued, wish: &Wish, now: UnixMillis, language: Language) -> Value {
    let is_payment = wish.kind == Kind::Payment;
    let issued_at = code.issued_at();
    let label = if is_payment { Word::PaymentLabel } else { Word::DisplayLabel };
    json!({
        "digits": digits(code),
        "svg": code.symbol().to_svg(label.in_language(language)).into_string(),
        "code_id": code.code_id(),
        "kind": wish.kind.as_str(),
        "auth": wish.auth.as_str(),
        "region": wish.region.to_string(),
        "relation": wish.relation,
        "issued_at": issued_at.get(),
        "expires_at": is_payment.then(|| i64::from(issued_at.get()) + LIFE_MS / 1_000),
        "renew_at_ms": is_payment.then(|| renew_at(issued_at, now).get()),
        "now_ms": now.get(),
    })
}

/// When the phone shows the next code: at the end of this one's life. A code that is dead already, or
/// that begins in the future, stays for a whole life: a phone whose clock is wrong does not know.
fn renew_at(issued_at: IssuedAt, now: UnixMillis) -> UnixMillis {
    let end = issued_at.millis().plus_ms(LIFE_MS);
    let left_ms = end.ms_since(now);
    if (1..=LIFE_MS).contains(&left_ms) { end } else { now.plus_ms(LIFE_MS) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn activation(region: Option<&str>) -> Activation {
        Activation {
            person: 1,
            channel: "wechat".to_owned(),
            epoch: 1,
            region: region.map(str::to_owned),
            password: None,
            shown_relation: 0,
        }
    }

    fn wish(region: Option<&str>, body: &str) -> Result<Wish, Word> {
        Wish::of(&serde_json::from_str(body).unwrap(), &activation(region), 0)
    }

    #[test]
    fn a_payment_code_with_the_password_is_usual() {
        let usual = wish(Some("440300"), "{}").unwrap();
        assert_eq!((usual.kind, usual.auth), (Kind::Payment, Auth::Password));
        assert_eq!(usual.region.get(), 440_300);
        let display = wish(Some("440300"), r#"{"kind":"display"}"#).unwrap();
        assert_eq!((display.kind, display.auth), (Kind::Display, Auth::None));
        let face = wish(Some("440300"), r#"{"auth":"face"}"#).unwrap();
        assert_eq!(face.auth, Auth::Face);
    }

    #[test]
    fn without_a_place_a_code_is_shown_only_if_asked_for() {
        assert_eq!(wish(None, "{}"), Err(Word::NoRegion));
        assert!(!wish(None, r#"{"without_region":true}"#).unwrap().region.is_chosen());
        let chosen = wish(Some("370100"), r#"{"without_region":true}"#).unwrap();
        assert_eq!(chosen.region.get(), 370_100);
        assert_eq!(wish(Some("370100"), r#"{"kind":"both"}"#), Err(Word::WrongKind));
        assert_eq!(wish(Some("370100"), r#"{"auth":"iris"}"#), Err(Word::WrongAuth));
    }

    #[test]
    fn the_next_code_comes_at_the_end_of_this_one() {
        let now = UnixMillis::new(1_800_000_000_400);
        let after_s = |ahead_s: i64| {
            let issued_at = IssuedAt::from_time(now.plus_ms(ahead_s * 1_000)).unwrap();
            renew_at(issued_at, now).ms_since(now)
        };
        assert_eq!(after_s(0), 59_600);
        assert_eq!(after_s(-50), 9_600);
        // Dead at once, or of the future: the phone counts its own minute.
        assert_eq!((after_s(-60), after_s(-120), after_s(3_600)), (60_000, 60_000, 60_000));
    }
}
