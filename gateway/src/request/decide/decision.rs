//! Where a request goes, and what it may do there.

use keyring::pass::Institution;

use crate::{
    code::admit::Admitted,
    config::RuleConfig,
    idempotency::IdempotencyKey,
    request::head::Terms,
    request::recall::{Barred, Recall},
};

/// Where a request goes when its head has been judged.
#[derive(Debug)]
pub(in crate::request) enum Decision {
    Forward(Accepted),
    Recall(Recall),
    /// Its body is to be read first: that says what the request is.
    Read(Terms),
}

/// A request that may be forwarded.
#[derive(Debug)]
pub(in crate::request) struct Accepted {
    pub(in crate::request) purpose: Purpose,
    pub(in crate::request) terms: Terms,
    /// Index of the backend in the configuration. `None`: the gateway answers itself.
    pub(in crate::request) backend: Option<usize>,
}

/// What the route does with a code or pass. Only one that its route spends can be used up, and it is
/// redeemed before its request can be sent: there is no other way out of this enum.
#[derive(Debug)]
pub(in crate::request) enum Purpose {
    /// The route reads neither.
    Plain,
    /// The code or pass is proven, and stays good.
    Check(Admitted),
    /// What was found is against it, and it is forwarded all the same.
    Observed(OnlyObserves),
    /// It is to be redeemed if that can be, and forwarded in either case.
    RedeemObserved {
        only_observes: OnlyObserves,
        admitted: Admitted,
        gives_pass: bool,
        institution: Institution,
    },
    /// It is to be redeemed, for a transaction that its client may have named.
    Redeem {
        admitted: Admitted,
        key: Option<IdempotencyKey>,
        /// A pass is made for the code.
        gives_pass: bool,
        /// For which institution.
        institution: Institution,
    },
}

/// A genuine code or pass and what it may do here.
#[derive(Debug)]
pub(super) enum Judged {
    Admitted(Admitted),
    Barred(Barred),
}

/// The rule of the request refuses nothing that is said of a code or pass. Only such a rule makes one.
#[derive(Debug)]
pub(in crate::request) struct OnlyObserves(());

impl OnlyObserves {
    pub(super) fn of(rule: &RuleConfig) -> Option<Self> {
        (!rule.enforce).then_some(Self(()))
    }
}
