use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use ::accounts::entry::Cause;

use super::super::*;
use super::{parse, problems, with};

/// With a writer whose token is there, in a directory of its own.
fn with_writer(keys: &str) -> (String, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let token = directory.path().join("t");
    fs::write(&token, "t".repeat(32)).unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    let token = token.display();
    let writer = format!("[[accounts.writer]]\nname = \"w\"\ntoken_file = \"{token}\"\n{keys}");
    (with(&writer), directory)
}

fn accounts(keys: &str) -> String {
    with(&format!("[accounts]\n{keys}"))
}

fn route(keys: &str) -> String {
    with(&format!("[[route]]\npath = \"/a\"\nbackend = \"settlement\"\n{keys}"))
}

#[test]
fn account_states_are_off_and_their_api_is_in_the_data_directory() {
    let config = parse(&with("")).unwrap().accounts;
    assert!(!config.is_on());
    assert_eq!((config.stale_ms, config.when_stale), (1_000, WhenStale::Refuse));
    assert!(config.listen.to_string().ends_with("data/accounts.sock"), "{}", config.listen);
    assert!(parse(&accounts("store = \"local\"")).unwrap().accounts.is_on());
}

#[test]
fn a_writer_may_what_it_says() {
    let (text, _directory) = with_writer("may = [\"freeze:hotline\", \"unfreeze:*\"]");
    let writer = parse(&text).unwrap().accounts.writers.remove(0);
    assert!(writer.may.allow(Right::Freeze(Cause::Hotline)));
    assert!(!writer.may.allow(Right::Freeze(Cause::Holder)));
    assert!(Cause::ALL.into_iter().all(|cause| writer.may.allow(Right::Unfreeze(cause))));
    assert!(!writer.may.allow(Right::Export));
    assert_eq!((writer.freezes_per_hour_max, writer.changes_per_second_max), (100_000, 200));
}

#[test]
fn only_a_route_that_spends_nothing_may_leave_accounts_out() {
    let rule = |keys: &str| parse(&route(keys)).unwrap().routes.remove(1).rule;
    assert!(rule("code = \"redeem\"").asks_accounts);
    assert!(!rule("code = \"none\"").asks_accounts);
    assert!(!rule("code = \"check\"\naccounts = \"ignore\"").asks_accounts);
    let slow = rule("code = \"check\"\naccounts_stale_ms = 86_400_000");
    assert_eq!(slow.accounts_stale_ms, Some(86_400_000));
    for (keys, why) in [
        ("code = \"redeem\"\naccounts = \"ignore\"", "accounts = \"ignore\": only a route that"),
        (
            "code = \"redeem\"\naccounts_stale_ms = 10_001",
            "accounts_stale_ms: must be 500 to 10000",
        ),
        ("code = \"none\"\naccounts = \"ask\"", "accounts: a route with code = \"none\""),
        ("code = \"check\"\naccounts_stale_ms = 100", "accounts_stale_ms = 100: must be 500"),
    ] {
        let found = problems(&route(keys));
        assert!(found.iter().any(|problem| problem.contains(why)), "{keys}: {found:?}");
    }
}

#[test]
fn each_mistake_of_accounts_has_one_line_that_names_it() {
    for (keys, why) in [
        ("store = \"redis\"", "accounts.store = \"redis\": must be \"off\", \"local\" or \"etcd\""),
        ("store = \"etcd\"", "accounts.etcd is missing"),
        ("stale_ms = 100", "accounts.stale_ms = 100: must be 500 to 10000 milliseconds"),
        ("listen = \"192.0.2.1:9105\"", "accounts.listen = \"192.0.2.1:9105\": must be unix:/path"),
        ("listen = \"127.0.0.1:7461\"", "that no listener has"),
        ("etcd = [\"a:2379\"]", "accounts.etcd[1] = \"a:2379\": must be http://host:port"),
        ("etcd = [\"https://a:1\"]", "https needs ca_file, cert_file and key_file"),
        (
            "store = \"etcd\"\netcd = [\"http://a:1\", \"http://b:1\"]",
            "accounts.etcd: must name 3 or 5 members",
        ),
        ("writer = [{ name = \"w\", may = [\"unbind\"] }]", "writer[1].token_file is missing"),
    ] {
        let found = problems(&accounts(keys));
        assert!(found.iter().any(|problem| problem.contains(why)), "{keys}: {found:?}");
    }
    let (text, _directory) = with_writer("may = [\"freeze\"]");
    let found = problems(&text);
    assert!(found.iter().any(|problem| problem.contains("must be freeze:<cause>")), "{found:?}");
}
