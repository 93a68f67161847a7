//! The fields of each kind of line. Programs of others read the record, so names and order of
//! fields stay. New fields of a decision are added before `config`.

use keyring::time::UnixMillis;

use crate::{
    account::{AccountChange, AccountChanges, AccountImport},
    decision::{Entry, Labels, MessageNames, Rare, RecordedHolder, RouteUse, Shown, client_text},
    files::{ChainEnd, ExpiredFile},
    format::Fields,
    key_change::KeyChange,
    subject_key::SubjectKey,
};

/// Which process of which node writes.
#[derive(Debug, Clone)]
pub(crate) struct Author {
    pub(crate) node: String,
    /// When it started and its process id: `20261126T020212.123Z-4711`.
    pub(crate) process: String,
}

/// The fields that every line has, after `seq` and `prev`.
fn begin<'f, 'a>(
    fields: &'f mut Fields<'a>,
    event: &'static str,
    at: UnixMillis,
    author: &Author,
) -> &'f mut Fields<'a> {
    fields.word("event", event).time("time", at).word("node", &author.node)
}

pub(crate) fn decision(
    fields: &mut Fields<'_>,
    author: &Author,
    key: Option<&SubjectKey>,
    entry: &Entry,
) {
    let trail = &entry.trail;
    let route = entry.labels.route(entry.route);
    let (backend, endpoint) = entry.labels.backend(trail.backend, trail.endpoint);
    begin(fields, "decision", entry.at, author);
    if entry.client.is_empty() {
        fields.word("client", "local");
    } else {
        fields.text("client", &entry.client);
    }
    fields
        .word("request_id", str::from_utf8(&entry.request_id).unwrap_or_default())
        .text_or_null("client_request_id", &trail.client_request_id);
    match trail.trace_id {
        Some(id) => fields.hex("trace_id", &id),
        None => fields.null("trace_id"),
    };
    fields
        .text_or_null("route", route.map_or(&[][..], |route| route.path.as_bytes()))
        .word_or_null("route_use", entry.route_use.map(RouteUse::as_str))
        .word("outcome", entry.outcome)
        .word_or_null("error_code", entry.error_code);
    holder(fields, key, entry);
    fields
        .word_or_null("backend", backend)
        .text_or_null("endpoint", endpoint.unwrap_or_default().as_bytes());
    match trail.status {
        Some(status) => fields.number("status", status),
        None => fields.null("status"),
    };
    fields
        .word("spending", trail.spending.as_str())
        .boolean("bytes_sent", trail.bytes_sent)
        .number("latency_us", entry.latency_ns / 1_000)
        .number("stands_for", entry.stands_for);
    pass(fields, entry);
    if let Some(rare) = &trail.rare {
        self::rare(fields, rare);
    }
    if let Some(id) = trail.claimed_key {
        fields.number("claimed_key_id", id.get());
    }
    fields.word("config", &entry.labels.config).word("keyring", &entry.labels.keyring);
}

/// The fields of a genuine code or pass, or nulls. The channel is that of the key that the code
/// names.
fn holder(fields: &mut Fields<'_>, key: Option<&SubjectKey>, entry: &Entry) {
    let channel = entry.channel.map(|channel| channel.as_str());
    let Some(holder) = entry.trail.holder else {
        fields.null("redemption").null("key_id").word_or_null("channel", channel);
        for name in ["region", "kind", "auth", "relation", "code_age_ms", "subject_hash"] {
            fields.null(name);
        }
        return;
    };
    match holder.shown {
        Shown::Code(identity, _) => fields.display("redemption", identity),
        Shown::Pass(id) => fields.display("redemption", id),
        Shown::OpenedPass => fields.null("redemption"),
    };
    let (kind, code_age_ms) = match holder.shown {
        Shown::Code(_, kind) => (kind.as_str(), Some(holder.age_ms)),
        Shown::Pass(_) | Shown::OpenedPass => ("pass", None),
    };
    fields
        .number("key_id", holder.key_id.get())
        .word_or_null("channel", channel)
        .display("region", holder.region)
        .word("kind", kind)
        .word("auth", holder.auth.as_str())
        .number("relation", holder.relation);
    match code_age_ms {
        Some(age_ms) => fields.number("code_age_ms", age_ms),
        None => fields.null("code_age_ms"),
    };
    match key {
        Some(key) => fields.hex("subject_hash", &key.hash(holder.subject)),
        None => fields.null("subject_hash"),
    };
}

/// Of a request that belongs to a visit. Other lines do not have these fields.
fn pass(fields: &mut Fields<'_>, entry: &Entry) {
    let Some(id) = entry.trail.pass_id else { return };
    fields.display("pass_id", id);
    match entry.trail.holder {
        Some(RecordedHolder { shown: Shown::Pass(_) | Shown::OpenedPass, age_ms, .. }) => {
            fields.number("pass_age_ms", age_ms)
        }
        _ => fields.null("pass_age_ms"),
    };
}

/// What other lines do not have: the names of a message in a body, what a route only observed, an
/// opaque code, and the span in a sampled trace.
fn rare(fields: &mut Fields<'_>, rare: &Rare) {
    if let Some(names) = &rare.message {
        message(fields, names);
    }
    if let Some(reason) = rare.observed {
        fields.word("observed", reason);
    }
    if let Some(id) = &rare.reservation {
        fields.word("class", "opaque").display("reservation", id);
    }
    if let Some(span) = &rare.span {
        fields
            .hex("span_id", &span.id)
            .hex("parent_span_id", &span.parent_id)
            .word("method", span.method);
    }
}

fn message(fields: &mut Fields<'_>, names: &MessageNames) {
    for (name, value) in
        [("infno", &names.infno), ("msgid", &names.msgid), ("institution", &names.institution)]
    {
        fields.text_or_null(name, &client_text(value.as_deref().unwrap_or_default().as_bytes()));
    }
    if let Some(omsgid) = &names.omsgid {
        fields.text("omsgid", &client_text(omsgid.as_bytes()));
    }
}

/// What the first line of a file says.
pub(crate) struct Opening<'a> {
    pub(crate) at: UnixMillis,
    /// No line of this file or a later one is older. A search by time skips files by it.
    pub(crate) none_before: UnixMillis,
    pub(crate) file_number: u32,
    pub(crate) labels: &'a Labels,
    pub(crate) subject_key: Option<&'a SubjectKey>,
    /// Where the record of the node's process before this one ended. Only for the first file.
    pub(crate) previous: Option<&'a ChainEnd>,
    pub(crate) keys: usize,
}

/// The first line of a process.
pub(crate) fn start(fields: &mut Fields<'_>, author: &Author, opening: &Opening<'_>) {
    self::opening(fields, "start", author, opening);
    match opening.previous {
        Some(previous) => fields
            .word("previous_process", &previous.process)
            .number("previous_seq", previous.seq)
            .display("previous_hash", previous.hash)
            .boolean("previous_torn", previous.torn),
        None => fields
            .null("previous_process")
            .null("previous_seq")
            .null("previous_hash")
            .null("previous_torn"),
    };
    fields.number("keys", opening.keys);
    digests(fields, opening.labels);
}

/// The first line of each later file.
pub(crate) fn resume(fields: &mut Fields<'_>, author: &Author, opening: &Opening<'_>) {
    self::opening(fields, "continue", author, opening);
    digests(fields, opening.labels);
}

fn opening(fields: &mut Fields<'_>, event: &'static str, author: &Author, opening: &Opening<'_>) {
    begin(fields, event, opening.at, author)
        .word("process", &author.process)
        .number("file_number", opening.file_number)
        .time("none_before", opening.none_before)
        .word("version", env!("CARGO_PKG_VERSION"));
    match opening.subject_key {
        Some(key) => fields.hex("subject_key", &key.fingerprint()),
        None => fields.null("subject_key"),
    };
}

fn digests(fields: &mut Fields<'_>, labels: &Labels) {
    fields.word("config", &labels.config).word("keyring", &labels.keyring);
}

/// The last line of a process that ends in order. `unverified` decisions were left out by sampling,
/// and no line stands for them. `outcomes` are all requests that the process counted.
pub(crate) fn stop(
    fields: &mut Fields<'_>,
    author: &Author,
    at: UnixMillis,
    unverified: u64,
    outcomes: &[(&'static str, u64)],
) {
    begin(fields, "stop", at, author)
        .number("unverified_left_out", unverified)
        .counts("outcomes", outcomes);
}

pub(crate) fn reload(fields: &mut Fields<'_>, author: &Author, at: UnixMillis, labels: &Labels) {
    digests(begin(fields, "reload", at, author), labels);
}

pub(crate) fn reload_refused(fields: &mut Fields<'_>, author: &Author, at: UnixMillis, why: &str) {
    begin(fields, "reload_refused", at, author).text("why", why.as_bytes());
}

pub(crate) fn key_change(
    fields: &mut Fields<'_>,
    author: &Author,
    at: UnixMillis,
    change: &KeyChange,
) {
    begin(fields, "key", at, author)
        .number("key_id", change.key_id)
        .word("channel", change.channel.as_str())
        .word_or_null("from", change.from)
        .word_or_null("to", change.to);
}

/// A change of one account, which a writer's request made or may have made.
pub(crate) fn account(
    fields: &mut Fields<'_>,
    author: &Author,
    key: Option<&SubjectKey>,
    of: &AccountChanges,
    change: &AccountChange,
) {
    begin(fields, "account", of.at, author)
        .word("writer", &of.writer)
        .text("request", of.request.as_bytes())
        .word("op", change.operation)
        .word_or_null("cause", change.cause);
    match key {
        Some(key) => fields.hex("subject_hash", &key.hash(change.subject)),
        None => fields.null("subject_hash"),
    };
    match change.relation {
        Some(relation) => fields.number("relation", relation),
        None => fields.null("relation"),
    };
    let channel = change.channel.map(|channel| channel.as_str());
    fields
        .word_or_null("channel", channel)
        .text_or_null("before", change.before.as_deref().unwrap_or_default().as_bytes())
        .text_or_null("after", change.after.as_deref().unwrap_or_default().as_bytes())
        .boolean("acknowledged", of.is_acknowledged);
}

/// What a request of an import did.
pub(crate) fn account_import(fields: &mut Fields<'_>, author: &Author, import: &AccountImport) {
    begin(fields, "account_import", import.at, author)
        .word("writer", &import.writer)
        .number("lines", import.lines)
        .number("changed", import.changed)
        .boolean("acknowledged", import.is_acknowledged);
}

/// `count` decisions before this line are missing.
pub(crate) fn dropped(fields: &mut Fields<'_>, author: &Author, at: UnixMillis, count: u64) {
    begin(fields, "dropped", at, author).number("count", count);
}

/// The file will be deleted next, because of `keep_days`.
pub(crate) fn expired(
    fields: &mut Fields<'_>,
    author: &Author,
    at: UnixMillis,
    file: &ExpiredFile,
) {
    begin(fields, "expired", at, author)
        .text("file", file.name.as_bytes())
        .word("expired_process", &file.last.process)
        .number("expired_seq", file.last.seq)
        .display("expired_hash", file.last.hash);
}
