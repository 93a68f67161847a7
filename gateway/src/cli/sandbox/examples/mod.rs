//! The commands to paste. They stand in one list, so that a test can read it from `commands.txt`
//! and run each of them.
//!
//! An example is two lines. No command depends on another, so each works at any time:
//!
//! ```text
//! # <name> -> <status> <outcome>: <what it shows>        for requests; the last answer counts
//! # <name> -> exit <status>: <what it shows>             for everything else
//! <command for a POSIX shell>
//! ```

mod accounts;
mod example;
mod hospital;
mod shell;

use std::fmt;

pub(super) use self::example::{Example, Expected};
use self::example::{approved, exits, refused};
use self::shell::{AMOUNT, Shell, WITH_PASS, WITH_REUSED};
use super::directory::Directory;
use super::settings::Addresses;
use crate::cli::failure::Failure;
use crate::limits;
use crate::refusal::Refusal;

/// All examples, in the order of the file: the first steps last, where a terminal shows them.
pub(super) struct Examples(Vec<(Group, Vec<Example>)>);

/// What examples have in common.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) enum Group {
    Requests,
    Texts,
    Codes,
    Routes,
    Backends,
    MakingCodes,
    Paying,
    Accounts,
    Visits,
    Hospitals,
    Looking,
}

/// The command that shows all decisions.
///
/// # Errors
/// The path of the running program cannot be found.
pub(super) fn audit(directory: &Directory, addresses: &Addresses) -> Result<String, Failure> {
    Ok(Shell::new(directory, addresses)?.audit())
}

impl Examples {
    /// # Errors
    /// The path of the running program cannot be found.
    pub(super) fn new(directory: &Directory, addresses: &Addresses) -> Result<Self, Failure> {
        let shell = Shell::new(directory, addresses)?;
        Ok(Self(vec![
            (Group::Requests, requests_refused(&shell)),
            (Group::Texts, texts_refused(&shell)),
            (Group::Codes, codes_refused(&shell)),
            (Group::Routes, routes_refuse(&shell)),
            (Group::Backends, backends_fail(&shell)),
            // What a newcomer tries first.
            (Group::MakingCodes, making_codes(&shell)),
            (Group::Paying, paying(&shell)),
            (Group::Accounts, accounts::changing(&shell)),
            (Group::Visits, visiting(&shell)),
            (Group::Hospitals, hospital::visiting(&shell)),
            (Group::Looking, looking(&shell)),
        ]))
    }

    /// The examples of a group.
    pub(super) fn of(&self, group: Group) -> &[Example] {
        let found = self.0.iter().find(|(known, _)| *known == group);
        found.map_or(&[], |(_, examples)| examples)
    }

    fn all(&self) -> impl Iterator<Item = &Example> {
        self.0.iter().flat_map(|(_, examples)| examples)
    }
}

impl fmt::Display for Examples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Example { name, about, expected, command } in self.all() {
            writeln!(f, "# {name} -> {expected}: {about}\n{command}\n")?;
        }
        Ok(())
    }
}

/// The request is wrong; the code is good.
fn requests_refused(shell: &Shell) -> Vec<Example> {
    use Refusal::*;
    let pay_with = |options: &str| {
        let code = shell.fresh_code("");
        shell.request("/pay", &format!("{options} {AMOUNT} {code}"))
    };
    let too_large = limits::BODY_BYTES_MAX.default + 1;
    let large_body = shell.request("/pay", &format!("--data-binary @- {}", shell.fresh_code("")));
    let slow_body = shell.request("/pay", &format!("-X POST -T - {}", shell.fresh_code("")));
    let lines = "$(i=0; while [ $i -lt 70 ]; do printf ' -H Line-%d:x' $i; i=$((i+1)); done)";
    vec![
        refused(RouteNotFound, "no route has this path", shell.pay("/settle", "")),
        refused(MethodNotAllowed, "/pay takes POST", pay_with("-X PUT")),
        refused(
            RequestMalformed,
            "a path with a way around the routes",
            shell.request("/x/../pay", &format!("--path-as-is {AMOUNT} {}", shell.fresh_code(""))),
        ),
        refused(ExpectationFailed, "an expectation nobody knows", pay_with("-H 'Expect: tea'")),
        refused(HeadersTooLarge, "70 header lines more", pay_with(lines)),
        refused(
            RequestTooLarge,
            "a body of more than a MiB",
            format!("head -c {too_large} /dev/zero | {large_body}"),
        ),
        refused(
            RequestTimeout,
            "a body that does not end in time",
            format!("{{ printf 1; sleep 4; }} | {slow_body}"),
        ),
        refused(CodeMissing, "no header Yanma-Code", shell.request("/pay", AMOUNT)),
    ]
}

/// The scanned text is not one of our codes.
fn texts_refused(shell: &Shell) -> Vec<Example> {
    use Refusal::*;
    let scan = |text: &str| shell.request("/pay", &format!("{AMOUNT} -H \"Yanma-Code: {text}\""));
    // The first of 15 groups holds the version in its highest bits; here it is 2.
    let version_2 = format!("{:017}$(printf %0238d 0)", 0x22_u64 << 48);
    vec![
        refused(CodeMalformed, "half a code", scan("0506655003963680")),
        refused(WrongCodeType, "WeChat Pay's own code", scan("134567890123456789")),
        refused(CodeNotServed, "the national platform's own code", scan(&format!("424{:025}", 7))),
        refused(FormatNotSupported, "a code of another format version", scan(&version_2)),
    ]
}

/// The scanned text is a code, but a bad one.
fn codes_refused(shell: &Shell) -> Vec<Example> {
    use Refusal::*;
    let pay = |mint_options: &str| shell.pay("/pay", mint_options);
    let revoked = format!("{AMOUNT} {}", shell.revoked_code());
    vec![
        refused(KeyUnknown, "a key that nobody knows", pay("--spoil key")),
        refused(SignatureInvalid, "forged: not signed by its key", pay("--spoil signature")),
        refused(SealInvalid, "made with a stolen signing key alone", pay("--spoil seal")),
        refused(KeyRevoked, "a code of a revoked key", shell.request("/pay", &revoked)),
        refused(KeyNotActive, "older than its key", pay("--issued-at 2020-01-01T00:00:00Z")),
        refused(CodeNotYetValid, "of the next minute", pay("--issued-at $(($(date +%s) + 60))")),
        refused(ClockSuspect, "of the next hour", pay("--issued-at $(($(date +%s) + 3600))")),
    ]
}

/// The code is good, but not for this route.
fn routes_refuse(shell: &Shell) -> Vec<Example> {
    use Refusal::*;
    vec![
        refused(
            DisplayCodeNotPayable,
            "a static code, which never pays",
            shell.pay("/pay", "--kind display"),
        ),
        refused(PaymentCodeNotAccepted, "for static codes only", shell.pay("/information", "")),
        refused(
            AuthTooWeak,
            "a password where a fingerprint or the face is asked for",
            shell.pay("/pay-biometric", "--auth password"),
        ),
        refused(
            RegionMissing,
            "the holder has not chosen a place of insurance",
            shell.pay("/pay", "--region 000000"),
        ),
        refused(
            RegionNotOpen,
            "insured in Shenzhen where only Shandong is served",
            shell.pay("/pay-in-shandong", "--region 440300"),
        ),
    ]
}

/// All is good until the request reaches the backend.
fn backends_fail(shell: &Shell) -> Vec<Example> {
    let faulty = |fault: &str| {
        let code = shell.fresh_code("");
        shell.request("/pay", &format!("-H 'Sandbox-Fault: {fault}' {AMOUNT} {code}"))
    };
    let unknown = |name, about, fault| Example {
        name,
        about,
        expected: Expected::Refused(Refusal::OutcomeUnknown),
        command: faulty(fault),
    };
    vec![
        refused(
            Refusal::Maintenance,
            "the backend is in maintenance; the code stays good",
            shell.pay("/pay-in-maintenance", ""),
        ),
        refused(
            Refusal::BackendUnreachable,
            "no connection, nothing sent, the code stays good",
            shell.pay("/pay-to-nobody", ""),
        ),
        unknown("outcome_unknown-stall", "the backend does not answer: was it paid?", "stall"),
        unknown("outcome_unknown-reset", "the backend resets: was it paid?", "reset"),
        unknown("outcome_unknown-half", "half an answer, but booked: was it paid?", "half-booked"),
        Example {
            name: "backend-error",
            about: "the backend's own error is relayed as it is",
            expected: Expected::Approved(500),
            command: faulty("error"),
        },
    ]
}

fn making_codes(shell: &Shell) -> Vec<Example> {
    let png = format!("{} > {}", shell.mint("--format png"), shell.picture());
    vec![
        exits(0, "mint", "a code, as a phone makes one each minute", shell.mint("")),
        exits(0, "show", "a code as a QR symbol in the terminal", shell.mint("--format qr")),
        exits(0, "picture", "a code as a picture", png),
    ]
}

fn paying(shell: &Shell) -> Vec<Example> {
    let fresh = shell.keep_code("");
    let pay = shell.request("/pay", &format!("{AMOUNT} {WITH_REUSED}"));
    let identify = shell.request("/identify", WITH_REUSED);
    let pay_more = shell.request("/pay", &format!("-d '{{\"amount\":\"99.00\"}}' {WITH_REUSED}"));
    let named = |amount: &str| {
        let options = "-H 'Idempotency-Key: \"bill-1\"'";
        shell.request("/pay", &format!("{options} -d '{{\"amount\":\"{amount}\"}}' {WITH_REUSED}"))
    };
    let stalled =
        shell.request("/pay", &format!("-H 'Sandbox-Fault: stall' {AMOUNT} {WITH_REUSED}"));
    let forged = format!("-H 'Yanma-Subject: 1' {AMOUNT} {}", shell.fresh_code(""));
    vec![
        approved("pay", "the answer shows what the backend was told", shell.pay("/pay", "")),
        approved(
            "identify-then-pay",
            "one scan serves two calls: only paying spends the code",
            format!("{fresh} && {identify} && {pay}"),
        ),
        approved(
            "retry",
            "the same request again gets the same answer (Idempotent-Replayed), and pays once",
            format!("{fresh} && {pay} && {pay}"),
        ),
        refused(
            Refusal::CodeUsed,
            "the same code again, with another amount",
            format!("{fresh} && {pay} && {pay_more}"),
        ),
        refused(
            Refusal::IdempotencyMismatch,
            "the same bill number, with another amount",
            format!("{fresh} && {} && {}", named("12.30"), named("99.00")),
        ),
        refused(
            Refusal::RequestInFlight,
            "the same request while the first waits for the backend",
            // The first client leaves after a second. Its request continues without it.
            format!("{fresh} && {{ {stalled} -m 1 || {stalled}; }}"),
        ),
        refused(
            Refusal::CodeExpired,
            "a code of two minutes ago",
            shell.pay("/pay", "--issued-at $(($(date +%s) - 120))"),
        ),
        approved(
            "who-pays",
            "the backend hears of subject 42, whatever the client says",
            shell.request("/pay", &forged),
        ),
        approved(
            "query-not-booked",
            "no answer came. Was the patient charged? The book says: not_found",
            shell.query_after("-H 'Sandbox-Fault: reset'"),
        ),
        approved(
            "query-booked",
            "no answer came here either, but the book says: settled. Paying again would charge twice",
            shell.query_after("-H 'Sandbox-Fault: reset-booked'"),
        ),
        approved(
            "query",
            "was the patient charged? needs no code, only the number of the redemption",
            shell.query_after(""),
        ),
    ]
}

fn visiting(shell: &Shell) -> Vec<Example> {
    let scan = shell.keep_pass();
    let query = shell.request("/visit", WITH_PASS);
    let settle = shell.request("/visit-pay", &format!("{AMOUNT} {WITH_PASS}"));
    let ask = shell.request("/yanma/redemptions", WITH_PASS);
    let by_id = "/yanma/redemptions/7001-1800000000-0123456789abcdef";
    let settle_more =
        shell.request("/visit-pay", &format!("-d '{{\"amount\":\"99.00\"}}' {WITH_PASS}"));
    vec![
        refused(
            Refusal::PassInvalid,
            "a pass that no key of ours made",
            shell.request("/visit", &format!("-H \"Yanma-Pass: {}\"", "0".repeat(40))),
        ),
        refused(
            Refusal::PassUsed,
            "a second settlement with one scan",
            format!("{scan} && {settle} && {settle_more}"),
        ),
        refused(
            Refusal::InstitutionNotAllowed,
            "by id only the admin listener tells what became of a redemption",
            shell.request(by_id, ""),
        ),
        approved(
            "status",
            "what became of the pass? answered",
            format!("{scan} && {settle} && {ask}"),
        ),
        approved(
            "visit",
            "one scan serves the whole visit: many calls, one settlement",
            format!("{scan} && {query} && {query} && {settle}"),
        ),
    ]
}

fn looking(shell: &Shell) -> Vec<Example> {
    let inspect = shell.inspect();
    let old = shell.mint("--issued-at $(($(date +%s) - 120))");
    let new = shell.mint("");
    vec![
        exits(1, "inspect-expired", "why a code is refused", format!("{old} | {inspect}")),
        exits(
            0,
            "inspect",
            "all that a good code says, and of whom",
            format!("{new} | {inspect} --show-subject"),
        ),
        exits(0, "keys", "the keys", shell.list_keys()),
        exits(0, "ready", "whether the gateway can serve", shell.admin("/readyz")),
        exits(0, "metrics", "what it counted", shell.admin("/metrics")),
    ]
}

#[cfg(test)]
mod tests;
