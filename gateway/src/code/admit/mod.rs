//! Decides whether a verified code may do what the request wants, and which backend gets it.
//!
//! Checks in the contract's order: authentication, place of insurance, backend. Pure and without
//! allocation. The state of accounts is checked before.

use keyring::code::{Auth, Region};
use keyring::verify::VerifiedCode;

use crate::config::{BackendConfig, MinAuth, RouteConfig};
use crate::refusal::Refusal;

/// A code that may be used on this route, and a backend that will take the request. Only
/// [`admit`] makes one.
#[derive(Debug)]
pub struct Admitted {
    code: VerifiedCode,
    backend: usize,
}

impl Admitted {
    /// The code.
    pub fn code(&self) -> &VerifiedCode {
        &self.code
    }

    /// An index into the backends of the configuration.
    pub fn backend(&self) -> usize {
        self.backend
    }
}

/// A code that may not be used on this route.
#[derive(Debug)]
pub struct Denied {
    /// Why.
    pub refusal: Refusal,
    /// The code, for the record.
    pub code: VerifiedCode,
}

/// Judges a genuine code by the rules of its route.
///
/// # Errors
/// [`Denied`] with `auth_too_weak`, `region_missing`, `region_not_open` or `maintenance`: the
/// first that applies.
pub fn admit(
    code: VerifiedCode,
    route: &RouteConfig,
    backends: &[BackendConfig],
) -> Result<Admitted, Denied> {
    match judge(code.auth(), code.region(), route, backends) {
        Ok(backend) => Ok(Admitted { code, backend }),
        Err(refusal) => Err(Denied { refusal, code }),
    }
}

/// The backend of a route that reads no code.
///
/// # Errors
/// `maintenance`.
pub fn admit_without_code(
    route: &RouteConfig,
    backends: &[BackendConfig],
) -> Result<usize, Refusal> {
    check_maintenance(route.backend, backends)
}

fn judge(
    auth: Auth,
    region: Region,
    route: &RouteConfig,
    backends: &[BackendConfig],
) -> Result<usize, Refusal> {
    check_auth(auth, route.min_auth)?;
    check_region(region, route)?;
    check_maintenance(choose_backend(region, route), backends)
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
fn check_region(region: Region, route: &RouteConfig) -> Result<(), Refusal> {
    let must_be_chosen = route.require_region || route.open_regions.is_some();
    if !region.is_chosen() {
        return if must_be_chosen { Err(Refusal::RegionMissing) } else { Ok(()) };
    }
    match &route.open_regions {
        Some(open) if !open.iter().any(|prefix| prefix.contains(region)) => {
            Err(Refusal::RegionNotOpen)
        }
        _ => Ok(()),
    }
}

/// The longest prefix comes first, so the first match is the nearest.
fn choose_backend(region: Region, route: &RouteConfig) -> usize {
    let mut regional = route.region_backends.iter();
    let own = regional.find(|(prefix, _)| prefix.contains(region));
    own.map_or(route.backend, |(_, backend)| *backend)
}

/// Indexes come from the same configuration as the backends, which checked them.
fn check_maintenance(index: usize, backends: &[BackendConfig]) -> Result<usize, Refusal> {
    let backend = backends.get(index).expect("a route's backend exists");
    if backend.maintenance { Err(Refusal::Maintenance) } else { Ok(index) }
}

#[cfg(test)]
mod tests;
