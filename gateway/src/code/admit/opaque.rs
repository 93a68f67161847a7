//! Decides the same for an opaque code, by the little that it says: its province.
//!
//! The province serves as the chosen place. `00` is no place.

use keyring::code::OpaqueCode;
use keyring::pass::Token;

use super::{Admitted, choose};
use crate::config::{BackendConfig, MinAuth, RuleConfig};
use crate::refusal::Refusal;

/// Judges an opaque code by the rule of its request.
///
/// # Errors
/// `auth_too_weak` (a configuration never asks that), `region_missing`, `region_not_open` or
/// `maintenance`: the first that applies.
pub(crate) fn admit(
    code: OpaqueCode,
    rule: &RuleConfig,
    backends: &[BackendConfig],
) -> Result<Admitted, Refusal> {
    if rule.min_auth != MinAuth::None {
        return Err(Refusal::AuthTooWeak);
    }
    let province = code.province();
    let backend = choose(province.get() != 0, |prefix| prefix.holds(province), rule, backends)?;
    Ok(Admitted { token: Token::Opaque(code), backend })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    /// The backend of a code of that province, or why there is none.
    fn admitted(keys: &str, province: &str) -> Result<usize, &'static str> {
        let text = format!(
            "replay.store = \"local\"
            [[backend]]\nname = \"central\"\nendpoints = [\"unix:/a\"]
            [[backend]]\nname = \"shandong\"\nendpoints = [\"unix:/b\"]
            [[backend]]\nname = \"down\"\nendpoints = [\"unix:/c\"]\nmaintenance = true
            [[route]]\npath = \"/\"\ncode = \"redeem\"\nopaque = \"reserve\"
            backend = \"central\"\n{keys}"
        );
        let config = Config::parse(&text, Path::new("/"), Path::new("test")).unwrap();
        let code = format!("4240123456789012345678{province}0000");
        let code = OpaqueCode::parse(code.as_bytes()).unwrap();
        let admitted = admit(code, &config.routes[0].rule, &config.backends);
        let backend = admitted.map(|admitted| admitted.backend().expect("it has one"));
        backend.map_err(Refusal::reason)
    }

    #[test]
    fn its_province_is_its_place() {
        assert_eq!(admitted("", "37"), Ok(0));
        assert_eq!(admitted("", "00"), Err("region_missing"));
        assert_eq!(admitted("require_region = false", "00"), Ok(0));
        let open = "open_regions = [\"37\", \"3301\", \"4\"]";
        assert_eq!(admitted(open, "37"), Ok(0));
        assert_eq!(admitted(open, "44"), Ok(0));
        assert_eq!(admitted(open, "33"), Err("region_not_open"), "3301 is only a part of 33");
    }

    #[test]
    fn its_province_chooses_the_backend_and_a_longer_prefix_never_does() {
        let keys =
            "region_backends = { \"3701\" = \"down\", \"37\" = \"shandong\", \"4\" = \"down\" }";
        assert_eq!(admitted(keys, "37"), Ok(1));
        assert_eq!(admitted(keys, "44"), Err("maintenance"));
        assert_eq!(admitted(keys, "11"), Ok(0));
    }
}
