//! Account states, changed through the gateway's API as a platform's programs do.

use serde_json::{Value, json};

use super::{
    bodies::{AddMember, Freeze, Nothing, RemoveMember, Unfreeze},
    held::Held,
    kept,
    words::Word,
};
use crate::cli::sandbox::pages::{
    messages::{Asked, Problem},
    people::{Family, MEMBERS_MAX, Member, PEOPLE, Person},
    site::Site,
};

/// Letters of a member's name at most.
const NAME_LETTERS_MAX: usize = 20;
/// What `unfreeze` lifts if it names no cause.
const OF_A_PERSON: [&str; 2] = ["holder", "hotline"];
const CAUSES: [&str; 4] = ["holder", "hotline", "operator", "pending"];

/// Asks the gateway for one change, and returns from when it is honoured.
///
/// # Errors
/// What the API says.
pub(super) async fn change(
    site: &Site,
    person: &Person,
    mut change: Value,
) -> Result<Value, Problem> {
    if let Some(change) = change.as_object_mut() {
        change.insert("subject".to_owned(), person.subject.to_string().into());
    }
    let answer = site.change_account(change).await?;
    Ok(json!({
        "acknowledged_at": answer.get("acknowledged_at"),
        "honoured_from": answer.get("honoured_from"),
        "changed": answer.pointer("/results/0/changed"),
    }))
}

/// What the gateway holds against a person now.
///
/// # Errors
/// What the API says.
pub(super) async fn held(site: &Site, person: &Person) -> Result<Held, Problem> {
    let answer = site.account(person.subject).await?;
    Ok(Held::read(&answer, site.clock.now()))
}

/// 冻结, by the holder.
pub(super) async fn freeze(site: &Site, id: u8, asked: &Asked) -> Result<Value, Problem> {
    let Freeze { relation } = asked.json()?;
    let person = kept::person(site, id, asked)?;
    check_relation(relation, asked)?;
    let freeze = json!({ "op": "freeze", "cause": "holder", "relation": relation });
    change(site, person, freeze).await
}

/// 挂失, by the hotline 12393 at a person's call.
pub(super) async fn report_loss(site: &Site, id: u8, asked: &Asked) -> Result<Value, Problem> {
    let Nothing {} = asked.json()?;
    let person = kept::person(site, id, asked)?;
    change(site, person, json!({ "op": "freeze", "cause": "hotline" })).await
}

/// 解冻. What is not held is no error.
pub(super) async fn unfreeze(site: &Site, id: u8, asked: &Asked) -> Result<Value, Problem> {
    let Unfreeze { cause, relation } = asked.json()?;
    let person = kept::person(site, id, asked)?;
    check_relation(relation, asked)?;
    let causes: Vec<&str> = match &cause {
        None => OF_A_PERSON.to_vec(),
        Some(cause) if CAUSES.contains(&cause.as_str()) => vec![cause],
        Some(_) => return Err(Word::WrongCause.problem(asked)),
    };
    let (mut done, mut is_changed) = (Value::Null, false);
    for cause in causes {
        let lift = json!({ "op": "unfreeze", "cause": cause, "relation": relation });
        done = change(site, person, lift).await?;
        is_changed |= done.get("changed") == Some(&Value::Bool(true));
    }
    if let Some(changed) = done.get_mut("changed") {
        *changed = is_changed.into();
    }
    Ok(done)
}

/// Lifts each hold of the invented people, for a sandbox that begins afresh.
///
/// # Errors
/// What the API says. Some may be lifted.
pub(in crate::cli::sandbox::pages) async fn lift_all(site: &Site) -> Result<(), Problem> {
    for person in &PEOPLE {
        for hold in held(site, person).await?.holds {
            let (cause, relation) = (hold.cause, hold.relation);
            let lift = json!({ "op": "unfreeze", "cause": cause, "relation": relation });
            change(site, person, lift).await?;
        }
    }
    Ok(())
}

/// 解绑 of this phone.
pub(super) async fn unbind(site: &Site, id: u8, asked: &Asked) -> Result<Value, Problem> {
    let Nothing {} = asked.json()?;
    let activation = kept::activation(site, id, asked)?;
    let person = kept::person(site, id, asked)?;
    let (channel, epoch) = (activation.channel, activation.epoch);
    change(site, person, json!({ "op": "unbind", "channel": channel, "epoch": epoch })).await
}

/// Binds the next member of the family account (亲情账户).
pub(super) async fn add_member(site: &Site, id: u8, asked: &Asked) -> Result<Value, Problem> {
    let AddMember { name } = asked.json()?;
    let person = kept::person(site, id, asked)?;
    let member = {
        let people = site.people.borrow();
        let family = people.contents().family(person.id).ok_or(Word::WrongPerson);
        let member = family.and_then(|family| next_member(family, name, person, asked));
        member.map_err(|word| word.problem(asked))?
    };
    let bind = json!({ "op": "bind-member", "relation": member.relation });
    let done = change(site, person, bind).await?;
    kept::keep(site, asked, |contents| {
        let family = contents.family_mut(person.id);
        let family = family.ok_or_else(|| Word::WrongPerson.problem(asked))?;
        if family.members.iter().any(|other| other.relation == member.relation) {
            return Err(Word::MemberMeanwhile.problem(asked));
        }
        family.members.push(member);
        Ok(())
    })?;
    Ok(done)
}

/// The lowest number that is free, with a name.
fn next_member(
    family: &Family,
    name: Option<String>,
    holder: &Person,
    asked: &Asked,
) -> Result<Member, Word> {
    let is_free = |relation: &u8| family.members.iter().all(|one| one.relation != *relation);
    let relation = (1..=u8::try_from(MEMBERS_MAX).unwrap_or(u8::MAX)).find(is_free);
    let relation = relation.ok_or(Word::FamilyFull)?;
    let name = name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| usual_name(family, holder, relation, asked));
    if name.chars().count() > NAME_LETTERS_MAX || name.contains(char::is_control) {
        return Err(Word::WrongName);
    }
    Ok(Member { relation, name })
}

/// One of the invented people who is not in the family yet.
fn usual_name(family: &Family, holder: &Person, relation: u8, asked: &Asked) -> String {
    let is_new = |person: &&Person| {
        let name = person.name(asked.language);
        person.id != holder.id && family.members.iter().all(|one| one.name != name)
    };
    let person = PEOPLE.iter().find(is_new).map(|person| person.name(asked.language).to_owned());
    person.unwrap_or_else(|| format!("{} {relation}", Word::Member.in_language(asked.language)))
}

/// Removes a member of the family account.
pub(super) async fn remove_member(site: &Site, id: u8, asked: &Asked) -> Result<Value, Problem> {
    let RemoveMember { relation } = asked.json()?;
    let person = kept::person(site, id, asked)?;
    let relation = {
        let people = site.people.borrow();
        let family = people.contents().family(person.id);
        let members = family.map(|family| family.members.as_slice()).unwrap_or_default();
        let wanted = relation.or(members.last().map(|one| one.relation));
        let found = members.iter().find(|one| Some(one.relation) == wanted);
        found.map(|one| one.relation).ok_or_else(|| Word::NoMember.problem(asked))?
    };
    let remove = json!({ "op": "remove-member", "relation": relation });
    let done = change(site, person, remove).await?;
    kept::keep(site, asked, |contents| {
        if let Some(family) = contents.family_mut(person.id) {
            family.members.retain(|one| one.relation != relation);
        }
        let activations = contents.phones.iter_mut().filter_map(|phone| phone.activation.as_mut());
        for activation in activations.filter(|one| one.person == person.id) {
            if activation.shown_relation == relation {
                activation.shown_relation = 0;
            }
        }
        Ok(())
    })?;
    Ok(done)
}

fn check_relation(relation: u8, asked: &Asked) -> Result<(), Problem> {
    let is_one = usize::from(relation) <= MEMBERS_MAX;
    if is_one { Ok(()) } else { Err(Word::WrongRelation.problem(asked)) }
}
