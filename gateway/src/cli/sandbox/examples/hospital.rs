//! What a hospital system sends, as commands: it decodes the code once, and its token serves all calls.

use super::example::{Example, approved, shaped};
use super::shell::Shell;
use crate::refusal::Refusal;

/// What a call says beside the card.
const NOTHING_MORE: &str = "";

pub(super) fn visiting(shell: &Shell) -> Vec<Example> {
    let (scan, call) = (shell.keep_token(), shell.keep_call());
    let visit = ["1101", "2201", "2206", "2207"].map(|infno| shell.call(infno, NOTHING_MORE));
    let visit = visit.join(" && ");
    let settle = shell.call("2207", NOTHING_MORE);
    let settle_more = shell.call("2207", "\"medfee_sumamt\":\"99.00\"");
    let lost = format!("FAULT=reset-booked && {settle} && FAULT=");
    let reversed = shell.call("2601", "\"omsgid\":\"$ID\",\"oinfno\":\"2207\"");
    let decode = shell.decode();
    vec![
        shaped(
            Refusal::PassUsed,
            "his-settles-twice",
            "infcode 1803: a second settlement with one scan, as a hospital system reads it",
            format!("{scan} && {call} && {settle} && {settle_more}"),
        ),
        approved(
            "his-reverses",
            "infcode -1: booked, but the answer got lost, so it is reversed (2601)",
            format!("{scan} && {call} && {lost} && {reversed}"),
        ),
        approved("his-decodes", "what a code is, without a backend (1162)", decode),
        approved(
            "his-visit",
            "a hospital's whole visit with one scan: 1162, 1101, 2201, 2206, 2207",
            format!("{scan} && {call} && {visit}"),
        ),
    ]
}
