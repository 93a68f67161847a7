use std::path::Path;

use keyring::code::{IssuedAt, KeyId, Kind, Kinds, Serial, Subject};
use keyring::key::{IssuerKey, KeyState, KeyTerms};
use keyring::key_set::KeySet;
use keyring::mint::{Minter, Spec};
use keyring::seal::SealSecret;
use keyring::suite::{PublicKey, SigningKey};
use keyring::time::UnixMillis;
use keyring::verify::{Rules, TimeRules, VerifiedCode};

use super::*;
use crate::config::Config;

const JINAN: u32 = 370_100;
const HANGZHOU: u32 = 330_100;
const SHENZHEN: u32 = 440_300;
const NOWHERE: u32 = 0;

/// Backends 0 to 3: `central`, `shandong`, `jinan` and, in maintenance, `zhejiang`.
fn config(route: &str) -> Config {
    let text = format!(
        "replay.store = \"local\"
        [[backend]]\nname = \"central\"\nendpoints = [\"unix:/a\"]
        [[backend]]\nname = \"shandong\"\nendpoints = [\"unix:/b\"]
        [[backend]]\nname = \"jinan\"\nendpoints = [\"unix:/c\"]
        [[backend]]\nname = \"zhejiang\"\nendpoints = [\"unix:/d\"]\nmaintenance = true
        [[route]]\npath = \"/\"\ncode = \"redeem\"\nbackend = \"central\"\n{route}"
    );
    Config::parse(&text, Path::new("/"), Path::new("test")).unwrap()
}

/// What [`judge`] says of a holder by a route with these keys.
fn judged(route: &str, auth: Auth, region: u32) -> Result<usize, &'static str> {
    let Config { routes, backends, .. } = config(route);
    let region = Region::new(region).unwrap();
    let backend = judge(auth, region, &routes[0].rule, &backends).map_err(Refusal::reason)?;
    Ok(backend.expect("the route has one"))
}

#[test]
fn authentication_is_at_least_what_the_route_asks() {
    use Auth::{Face, Fingerprint, None, Password};
    let table = [
        ("none", [None, Password, Fingerprint, Face].as_slice()),
        ("password", &[Password, Fingerprint, Face]),
        ("biometric", &[Fingerprint, Face]),
    ];
    for (least, enough) in table {
        for auth in [None, Password, Fingerprint, Face] {
            let wanted = if enough.contains(&auth) { Ok(0) } else { Err("auth_too_weak") };
            let route = format!("min_auth = \"{least}\"");
            assert_eq!(judged(&route, auth, JINAN), wanted, "{auth:?} for {least}");
        }
    }
}

#[test]
fn a_place_is_missing_closed_or_open() {
    let judged = |route, region| judged(route, Auth::None, region);
    assert_eq!(judged("", NOWHERE), Err("region_missing"));
    assert_eq!(judged("require_region = false", NOWHERE), Ok(0));
    let open = "open_regions = [\"37\", \"3301\"]";
    assert_eq!(judged(open, JINAN), Ok(0));
    assert_eq!(judged(open, HANGZHOU), Ok(0));
    assert_eq!(judged(open, SHENZHEN), Err("region_not_open"));
    assert_eq!(judged(open, 330_200), Err("region_not_open"), "only 3301 of 33 is open");
    let optional = format!("{open}\nrequire_region = false");
    assert_eq!(judged(&optional, NOWHERE), Err("region_missing"), "it cannot be said to be open");
}

const REGIONAL: &str =
    "region_backends = { \"37\" = \"shandong\", \"3701\" = \"jinan\", \"33\" = \"zhejiang\" }";

#[test]
fn the_longest_prefix_chooses_the_backend() {
    let judged = |region| judged(REGIONAL, Auth::None, region);
    assert_eq!(judged(JINAN), Ok(2));
    assert_eq!(judged(370_200), Ok(1));
    assert_eq!(judged(SHENZHEN), Ok(0));
    assert_eq!(judged(HANGZHOU), Err("maintenance"));
}

#[test]
fn the_checks_come_in_the_contracts_order() {
    let route = format!("min_auth = \"password\"\nopen_regions = [\"33\"]\n{REGIONAL}");
    assert_eq!(judged(&route, Auth::None, NOWHERE), Err("auth_too_weak"));
    assert_eq!(judged(&route, Auth::Face, NOWHERE), Err("region_missing"));
    assert_eq!(judged(&route, Auth::Face, JINAN), Err("region_not_open"));
    assert_eq!(judged(&route, Auth::Face, HANGZHOU), Err("maintenance"));
}

#[test]
fn maintenance_holds_without_a_code_too() {
    let Config { mut routes, backends, .. } = config("");
    assert_eq!(admit_without_code(&routes[0].rule, &backends), Ok(0));
    routes[0].rule.backend = Some(3);
    assert_eq!(admit_without_code(&routes[0].rule, &backends), Err(Refusal::Maintenance));
}

#[test]
fn a_code_is_admitted_or_given_back() {
    let Config { routes, backends, .. } = config("min_auth = \"password\"");
    let admitted = admit(
        Credential::Code(verified(Auth::Password)),
        Cleared::for_tests(),
        &routes[0].rule,
        &backends,
    )
    .unwrap();
    let Token::Genuine(credential) = admitted.token() else { panic!("{admitted:?}") };
    assert_eq!((admitted.backend(), credential.region().get()), (Some(0), JINAN));
    let denied = admit(
        Credential::Code(verified(Auth::None)),
        Cleared::for_tests(),
        &routes[0].rule,
        &backends,
    )
    .unwrap_err();
    assert_eq!(denied.refusal, Refusal::AuthTooWeak);
    assert_eq!(denied.credential.auth(), Auth::None);
}

/// A payment code of Jinan, minted and verified.
fn verified(auth: Auth) -> VerifiedCode {
    let now = UnixMillis::from_seconds(1_800_000_000);
    let id = KeyId::new(7001).unwrap();
    let signing_key = SigningKey::from_slice(&[7; 32]).unwrap();
    let seal_key = SealSecret::new([1; 32]).derive(id);
    let terms = KeyTerms {
        id,
        channel: "wechat".parse().unwrap(),
        state: KeyState::Active,
        not_before: UnixMillis::new(0),
        not_after: UnixMillis::new(i64::MAX),
        environment: "test".to_owned(),
    };
    let key = IssuerKey::new(terms, PublicKey::from(&signing_key), seal_key).unwrap();
    let spec = Spec {
        kind: Kind::Payment,
        issued_at: IssuedAt::from_time(now).unwrap(),
        region: Region::new(JINAN).unwrap(),
        auth,
        subject: Subject::new(42).unwrap(),
        epoch: 1,
        relation: 0,
    };
    let code = Minter::for_key(&key, signing_key).unwrap().mint(&spec, Serial::new(1));
    let time = TimeRules { skew_ms: 2_000, display_days: 180 };
    let keys = KeySet::new(vec![key]).unwrap();
    keys.verify(&code, &Rules { kinds: Kinds::PAYMENT, time, recognise_late: false }, now).unwrap()
}
