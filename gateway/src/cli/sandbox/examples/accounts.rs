//! What a writer of account states does, and what a till sees of it. Each example has a person of its
//! own, so that none disturbs another.

use super::example::{Example, approved, exits, refused};
use super::shell::{AMOUNT, Shell};
use crate::refusal::Refusal;

pub(super) fn changing(shell: &Shell) -> Vec<Example> {
    let change = |task: &str| shell.accounts(task);
    let pay = |subject, options: &str| {
        let code = shell.fresh_code_of(subject, options);
        shell.request("/pay", &format!("{AMOUNT} {code}"))
    };
    vec![
        refused(
            Refusal::AccountNotReady,
            "enrolled a moment ago; no word of it has come yet",
            format!("{} && {}", change("freeze 1001 --cause pending"), pay(1_001, "")),
        ),
        refused(
            Refusal::DeviceUnbound,
            "a lost phone: what it shows is refused, the next one has a higher epoch",
            format!(
                "{} && {}",
                change("unbind 1002 --channel wechat --epoch 9"),
                pay(1_002, "--epoch 9")
            ),
        ),
        refused(
            Refusal::FamilyMemberRemoved,
            "a member who left the family account",
            format!(
                "{} && {}",
                change("remove-member 1003 --relation 1"),
                pay(1_003, "--relation 1")
            ),
        ),
        refused(
            Refusal::AccountFrozen,
            "reported as lost at 12393: nothing is paid from then on, through 15 days",
            format!("{} && {}", change("freeze 1004 --cause hotline"), pay(1_004, "")),
        ),
        exits(0, "show-account", "what is held for a person", change("show 1004")),
        approved(
            "freeze-then-lift",
            "found again: the hold is lifted, and the account pays",
            format!(
                "{} && {} && {}",
                change("freeze 1005 --cause holder"),
                change("unfreeze 1005 --cause holder"),
                pay(1_005, "")
            ),
        ),
    ]
}
