//! The changes of one account, and what is held for it.

use std::io::Write as _;

use clap::Args;
use http::Method;
use serde_json::{Map, Value, json};

use super::api::{Api, At};
use crate::cli::{failure::Failure, input};
use clock::Clock;

/// A number, with room for what editors put around it.
const SUBJECT_BYTES_MAX: usize = 1_024;

/// Whose account, and how to get there.
#[derive(Args)]
struct Whose {
    /// The holder's voucher number; - reads it from standard input
    subject: String,
    /// What this request is called in the record
    #[arg(long, value_name = "NAME")]
    request: Option<String>,
    #[command(flatten)]
    at: At,
}

#[derive(Args)]
pub(super) struct Freeze {
    #[command(flatten)]
    whose: Whose,
    /// On whose word: holder, hotline, operator or pending
    #[arg(long)]
    cause: String,
    /// Whose voucher of the account: 0 is all, 1 to 5 a member
    #[arg(long, default_value_t = 0)]
    relation: u8,
    /// The last day, such as 2026-12-12, or never. Default: 15 days for holder and hotline, else never
    #[arg(long, value_name = "DAY")]
    until: Option<String>,
}

#[derive(Args)]
pub(super) struct Unfreeze {
    #[command(flatten)]
    whose: Whose,
    /// On whose word the hold was: holder, hotline, operator or pending
    #[arg(long)]
    cause: String,
    /// Whose voucher of the account: 0 is all, 1 to 5 a member
    #[arg(long, default_value_t = 0)]
    relation: u8,
    /// The number that the freeze was answered with. Default: the hold that is there
    #[arg(long, value_name = "NUMBER")]
    freeze: Option<String>,
}

#[derive(Args)]
pub(super) struct Unbind {
    #[command(flatten)]
    whose: Whose,
    /// The channel of the device, such as wechat
    #[arg(long)]
    channel: String,
    /// The device's epoch: codes of it and of lower ones are refused. Who does not know it freezes
    #[arg(long)]
    epoch: u16,
}

#[derive(Args)]
pub(super) struct BindMember {
    #[command(flatten)]
    whose: Whose,
    /// The member: 1 to 5
    #[arg(long)]
    relation: u8,
}

#[derive(Args)]
pub(super) struct RemoveMember {
    #[command(flatten)]
    whose: Whose,
    /// The member: 1 to 5
    #[arg(long)]
    relation: u8,
    /// The last day, such as 2026-12-12. Default: without end
    #[arg(long, value_name = "DAY")]
    until: Option<String>,
}

#[derive(Args)]
pub(super) struct Show {
    #[command(flatten)]
    whose: Whose,
}

pub(super) async fn freeze(task: Freeze) -> Result<(), Failure> {
    let Freeze { whose, cause, relation, until } = task;
    let mut change = json!({ "op": "freeze", "cause": cause, "relation": relation });
    match until.as_deref() {
        None => {}
        Some("never") => set(&mut change, "until", Value::Null),
        Some(day) => set(&mut change, "until", day.into()),
    }
    make(whose, change).await
}

pub(super) async fn unfreeze(task: Unfreeze) -> Result<(), Failure> {
    let Unfreeze { whose, cause, relation, freeze } = task;
    let mut change = json!({ "op": "unfreeze", "cause": cause, "relation": relation });
    if let Some(freeze) = freeze {
        set(&mut change, "freeze", freeze.into());
    }
    make(whose, change).await
}

pub(super) async fn unbind(task: Unbind) -> Result<(), Failure> {
    let Unbind { whose, channel, epoch } = task;
    make(whose, json!({ "op": "unbind", "channel": channel, "epoch": epoch })).await
}

pub(super) async fn bind_member(task: BindMember) -> Result<(), Failure> {
    make(task.whose, json!({ "op": "bind-member", "relation": task.relation })).await
}

pub(super) async fn remove_member(task: RemoveMember) -> Result<(), Failure> {
    let RemoveMember { whose, relation, until } = task;
    let mut change = json!({ "op": "remove-member", "relation": relation });
    if let Some(day) = until {
        set(&mut change, "until", day.into());
    }
    make(whose, change).await
}

pub(super) async fn show(task: Show) -> Result<(), Failure> {
    let subject = subject(&task.whose)?;
    let mut api = Api::connect(&task.whose.at).await?;
    let held = api.ask_for(Method::GET, &format!("/accounts/{subject}"), "").await?;
    let entries = held.get("entries").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut out = std::io::stdout().lock();
    if entries.is_empty() {
        writeln!(out, "nothing is held")?;
    }
    for entry in entries {
        let text = |name| entry.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        writeln!(out, "{:<16} {:<24} number {}", text("facet"), text("value"), text("number"))?;
    }
    Ok(())
}

fn set(change: &mut Value, name: &str, value: Value) {
    change.as_object_mut().unwrap_or(&mut Map::new()).insert(name.to_owned(), value);
}

fn subject(whose: &Whose) -> Result<String, Failure> {
    if whose.subject != "-" {
        return Ok(whose.subject.clone());
    }
    let bytes = input::read(SUBJECT_BYTES_MAX, "The holder's voucher number:")?;
    Ok(String::from_utf8_lossy(bytes.trim_ascii()).into_owned())
}

/// Sends one change and tells what came of it.
async fn make(whose: Whose, mut change: Value) -> Result<(), Failure> {
    set(&mut change, "subject", subject(&whose)?.into());
    let name = whose.request.unwrap_or_else(|| format!("cli-{}", Clock::system().now()));
    let body = json!({ "request": name, "changes": [change] }).to_string();
    let mut api = Api::connect(&whose.at).await?;
    let answer = api.ask_for(Method::POST, "/accounts/changes", body).await?;
    let text = |name| answer.get(name).and_then(Value::as_str).unwrap_or("?");
    let result = answer.get("results").and_then(|results| results.get(0));
    let has_changed = result.and_then(|result| result.get("changed")) == Some(&Value::Bool(true));
    let freeze = result.and_then(|result| result.get("freeze")).and_then(Value::as_str);
    let mut out = std::io::stdout().lock();
    match (has_changed, freeze) {
        (_, Some(number)) => {
            writeln!(out, "frozen, number {number}: lift it with --freeze {number}")?
        }
        (true, None) => writeln!(out, "changed")?,
        (false, None) => writeln!(out, "it was so already")?,
    }
    writeln!(out, "acknowledged at {}", text("acknowledged_at"))?;
    writeln!(out, "honoured from   {}", text("honoured_from"))?;
    Ok(())
}
