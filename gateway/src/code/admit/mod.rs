//! Decides whether a genuine code or pass may do what the request wants, and which backend gets it.
//!
//! Checks in the contract's order: authentication, place of insurance, backend. Pure and without
//! allocation. The state of accounts is checked before.

pub(crate) mod opaque;

use keyring::code::{Auth, Region};
use keyring::pass::{Credential, Token};

use crate::code::clear::Cleared;
use crate::config::{BackendConfig, MinAuth, RegionPrefix, RuleConfig};
use crate::refusal::Refusal;

/// A code or pass that may be used on this route, and a backend that will take the request, if the
/// route has one. Only [`admit`] makes one, and for an opaque code `opaque::admit`.
#[derive(Debug)]
pub struct Admitted {
    token: Token,
    backend: Option<usize>,
}

impl Admitted {
    /// The code or pass.
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// An index into the backends of the configuration. `None`: the gateway answers itself.
    pub fn backend(&self) -> Option<usize> {
        self.backend
    }
}

/// A code that may not be used on this route.
#[derive(Debug)]
pub struct Denied {
    /// Why.
    pub refusal: Refusal,
    /// The code or pass, for what is known of it.
    pub credential: Credential,
}

/// Judges a genuine code or pass by the rule of its request, after its account was asked.
///
/// # Errors
/// [`Denied`] with `auth_too_weak`, `region_missing`, `region_not_open` or `maintenance`: the
/// first that applies.
pub fn admit(
    credential: Credential,
    _cleared: Cleared,
    rule: &RuleConfig,
    backends: &[BackendConfig],
) -> Result<Admitted, Denied> {
    match judge(credential.auth(), credential.region(), rule, backends) {
        Ok(backend) => Ok(Admitted { token: Token::Genuine(credential), backend }),
        Err(refusal) => Err(Denied { refusal, credential }),
    }
}

/// The backend of a route that reads no code.
///
/// # Errors
/// `maintenance`.
pub fn admit_without_code(rule: &RuleConfig, backends: &[BackendConfig]) -> Result<usize, Refusal> {
    check_maintenance(rule.backend.expect("only what exchanges codes has none"), backends)
}

fn judge(
    auth: Auth,
    region: Region,
    rule: &RuleConfig,
    backends: &[BackendConfig],
) -> Result<Option<usize>, Refusal> {
    check_auth(auth, rule.min_auth)?;
    choose(region.is_chosen(), |prefix| prefix.contains(region), rule, backends)
}

/// Judges the place of insurance, and finds the backend. `holds`: whether the place lies in a prefix.
///
/// # Errors
/// `region_missing`, `region_not_open`, `maintenance`.
fn choose(
    is_chosen: bool,
    holds: impl Fn(&RegionPrefix) -> bool,
    rule: &RuleConfig,
    backends: &[BackendConfig],
) -> Result<Option<usize>, Refusal> {
    check_region(is_chosen, &holds, rule)?;
    choose_backend(holds, rule).map(|backend| check_maintenance(backend, backends)).transpose()
}

fn check_auth(auth: Auth, least: MinAuth) -> Result<(), Refusal> {
    let is_enough = match least {
        MinAuth::None => true,
        MinAuth::Password => matches!(auth, Auth::Password | Auth::Fingerprint | Auth::Face),
        MinAuth::Biometric => matches!(auth, Auth::Fingerprint | Auth::Face),
    };
    if is_enough { Ok(()) } else { Err(Refusal::AuthTooWeak) }
}

/// Where only some places are open, a code without a chosen place is refused, even if the route
/// does not require one. The gateway cannot know whether the missing place is open.
fn check_region(
    is_chosen: bool,
    holds: impl Fn(&RegionPrefix) -> bool,
    rule: &RuleConfig,
) -> Result<(), Refusal> {
    let must_be_chosen = rule.require_region || rule.open_regions.is_some();
    if !is_chosen {
        return if must_be_chosen { Err(Refusal::RegionMissing) } else { Ok(()) };
    }
    match &rule.open_regions {
        Some(open) if !open.iter().any(holds) => Err(Refusal::RegionNotOpen),
        _ => Ok(()),
    }
}

/// The longest prefix comes first, so the first match is the nearest.
fn choose_backend(holds: impl Fn(&RegionPrefix) -> bool, rule: &RuleConfig) -> Option<usize> {
    let own = rule.region_backends.iter().find(|(prefix, _)| holds(prefix));
    own.map(|(_, backend)| *backend).or(rule.backend)
}

/// Indexes come from the same configuration as the backends, which checked them.
fn check_maintenance(index: usize, backends: &[BackendConfig]) -> Result<usize, Refusal> {
    let backend = backends.get(index).expect("a route's backend exists");
    if backend.maintenance { Err(Refusal::Maintenance) } else { Ok(index) }
}

#[cfg(test)]
mod tests;
