//! What a request asks of the person's account.

use keyring::pass::Credential;

use super::RequestContext;
use crate::{
    code::clear::{self, Cleared},
    config::RuleConfig,
    refusal::{Refusal, Refused},
};

impl RequestContext {
    /// Asks for the first time whether the person's account is against this.
    pub(crate) fn ask_account(
        &self,
        credential: &Credential,
        rule: &RuleConfig,
    ) -> Result<Cleared, Refusal> {
        let (inquiry, clock) = (self.worker.inquiry(), self.worker.clock());
        let rules = (rule, &self.snapshot.config.accounts);
        let (question, answer) = clear::ask_first(inquiry, credential, rules, clock);
        self.account.set(question);
        answer
    }

    /// Asks again, if it was asked: the account may have been frozen meanwhile.
    pub(crate) fn ask_account_again(&self) -> Result<(), Refused> {
        let (Some(question), Some(inquiry)) = (self.account.get(), self.worker.inquiry()) else {
            return Ok(());
        };
        inquiry.ask(&question, self.worker.clock()).map(drop).map_err(Refused::from)
    }
}
