//! `POST /sandbox/phone/ID/VERB`: from a request to its answer, the phone as it is then.

use http::StatusCode;
use serde_json::Value;

use super::{account, activate, choices, kept, show, view::View, words::Word};
use crate::cli::sandbox::pages::{
    messages::{Answer, Asked, Problem, json},
    site::Site,
};

/// Of the paths of all phones and verbs.
pub(in crate::cli::sandbox::pages) const PREFIX: &str = "/sandbox/phone/";

/// The last part of the path.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
enum Verb {
    Activate,
    Region,
    Password,
    Show,
    Freeze,
    Unfreeze,
    ReportLoss,
    Unbind,
    MemberAdd,
    MemberRemove,
    Clock,
}

impl Verb {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "activate" => Self::Activate,
            "region" => Self::Region,
            "password" => Self::Password,
            "show" => Self::Show,
            "freeze" => Self::Freeze,
            "unfreeze" => Self::Unfreeze,
            "report-loss" => Self::ReportLoss,
            "unbind" => Self::Unbind,
            "member-add" => Self::MemberAdd,
            "member-remove" => Self::MemberRemove,
            "clock" => Self::Clock,
            _ => return None,
        })
    }
}

/// Does what a person asks the phone for.
///
/// Not cancel safe: what was asked of the gateway is done.
///
/// # Errors
/// 404: no such phone or verb. 400: a body that is not right. 403: a wrong password. 409: it does not
/// fit what is there. Each says what is allowed.
pub(in crate::cli::sandbox::pages) async fn act(
    site: &Site,
    asked: &Asked,
) -> Result<Answer, Problem> {
    let (id, verb) = target(&asked.path).map_err(|word| word.problem(asked))?;
    if !kept::is_phone(site, id) {
        return Err(Word::NoPhone.problem(asked));
    }
    let mut extra: Option<(&str, Value)> = None;
    let change = match verb {
        Verb::Activate => activate::activate(site, id, asked).await?,
        Verb::Region => choices::region(site, id, asked).map(|()| None)?,
        Verb::Password => choices::password(site, id, asked).map(|()| None)?,
        Verb::Clock => choices::clock(site, id, asked).map(|()| None)?,
        Verb::Show => {
            extra = Some(("code", show::show(site, id, asked).await?));
            None
        }
        Verb::Freeze => account::freeze(site, id, asked).await.map(Some)?,
        Verb::Unfreeze => account::unfreeze(site, id, asked).await.map(Some)?,
        Verb::ReportLoss => account::report_loss(site, id, asked).await.map(Some)?,
        Verb::Unbind => account::unbind(site, id, asked).await.map(Some)?,
        Verb::MemberAdd => account::add_member(site, id, asked).await.map(Some)?,
        Verb::MemberRemove => account::remove_member(site, id, asked).await.map(Some)?,
    };
    if verb != Verb::Show {
        site.feed.state_changed();
    }
    let mut answer = View::of(site, id).await?.to_json(asked.language);
    let change = change.map(|change| ("change", change));
    for (name, value) in extra.into_iter().chain(change) {
        if let Some(answer) = answer.as_object_mut() {
            answer.insert(name.to_owned(), value);
        }
    }
    Ok(json(StatusCode::OK, &answer))
}

/// Which phone, and what it shall do.
fn target(path: &str) -> Result<(u8, Verb), Word> {
    let rest = path.strip_prefix(PREFIX).ok_or(Word::NoPhone)?;
    let (id, verb) = rest.split_once('/').ok_or(Word::NoVerb)?;
    let is_number = id.bytes().all(|byte| byte.is_ascii_digit());
    let id = id.parse().ok().filter(|_| is_number).ok_or(Word::NoPhone)?;
    Ok((id, Verb::parse(verb).ok_or(Word::NoVerb)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_phone_and_a_verb() {
        assert_eq!(target("/sandbox/phone/12/report-loss"), Ok((12, Verb::ReportLoss)));
        for (path, word) in [
            ("/sandbox/phone/1", Word::NoVerb),
            ("/sandbox/phone/1/", Word::NoVerb),
            ("/sandbox/phone/1/pay", Word::NoVerb),
            ("/sandbox/phone/1/show/", Word::NoVerb),
            ("/sandbox/phone//show", Word::NoPhone),
            ("/sandbox/phone/+1/show", Word::NoPhone),
            ("/sandbox/phone/256/show", Word::NoPhone),
            ("/sandbox/phone/x/show", Word::NoPhone),
        ] {
            assert_eq!(target(path), Err(word), "{path}");
        }
    }
}
