use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Arc, atomic::AtomicU8},
};

use keyring::{code::IssuedAt, key_set::KeySet, time::UnixMillis};

use super::*;
use crate::{
    code::clear::AccountStates,
    code::requests::CodeRequests,
    config::Config,
    idempotency::{MessagesUnderWay, ResponseStore},
    metrics::{Metrics, Outcome, WorkerId},
    readiness::Health,
    refusal::{Limit, Refusal},
    request::tests::fixture::issuer_key,
    snapshot::Current,
    upstream::endpoints::Endpoints,
};
use clock::{Clock, Hand};
use record::Record;
use replay::{Replay, directory::Tables};

const START: UnixMillis = UnixMillis::from_seconds(1_800_000_000);
const W0: WorkerId = WorkerId::new(0);
const W1: WorkerId = WorkerId::new(1);

const CONFIG: &str = "
replay.store = \"local\"
[[backend]]
name = \"settlement\"
endpoints = [\"http://127.0.0.1:9001\", \"unix:/run/b\"]
[[route]]
path = \"/pay\"
code = \"redeem\"
backend = \"settlement\"
";

/// What a node has that starts at [`START`]: two workers, one listener, the key 7001, a backend
/// of two endpoints, a table of 64 slots.
pub(crate) fn shared() -> (Arc<Shared>, Hand) {
    let (clock, hand) = Clock::hand_set(START);
    let config = Config::parse(CONFIG, Path::new("/"), Path::new("test")).unwrap();
    let (metrics, endpoints) = (Metrics::new(2), Endpoints::default());
    metrics.listener("127.0.0.1:7460");
    metrics.worker_begins(W0);
    let keys = KeySet::new(vec![issuer_key()]).unwrap();
    let snapshot = Snapshot::new(config, keys, &endpoints, &metrics);
    let shared = Shared {
        clock,
        tables: Tables {
            codes: Replay::new(64, IssuedAt::from_time(START)).unwrap(),
            passes: None,
        },
        pass_count: AtomicU8::new(0),
        responses: ResponseStore::new(),
        metrics,
        current: Current::new(snapshot),
        endpoints,
        health: Arc::new(Health::default()),
        record: Record::off(),
        bodies: Arc::default(),
        accounts: None,
        codes: CodeRequests::new(1),
        messages: MessagesUnderWay::default(),
    };
    shared.health.set_table(true);
    (Arc::new(shared), hand)
}

/// The samples of a page by their name with labels, as they are written.
fn samples(page: &str) -> BTreeMap<&str, &str> {
    page.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.rsplit_once(' ').expect("a name and a value"))
        .collect()
}

#[track_caller]
fn assert_samples(page: &str, expected: &[(&str, &str)]) {
    let samples = samples(page);
    for (name, value) in expected {
        assert_eq!(samples.get(name), Some(value), "{name} in\n{page}");
    }
}

/// The contract's list of metrics, as its file has it.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Contract {
    metric: Vec<Family>,
}

#[derive(Debug, Eq, Ord, PartialEq, PartialOrd, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Family {
    name: String,
    r#type: String,
    labels: Vec<String>,
    shown: String,
    help: String,
}

fn contract() -> Vec<Family> {
    let text = include_str!("../../../contract/metrics.toml");
    toml::from_str::<Contract>(text).unwrap().metric
}

#[test]
fn a_page_has_exactly_the_families_of_the_contract() {
    let page = render(&shared().0);
    let expected: BTreeSet<Family> =
        contract().into_iter().filter(|family| family.shown == "always").collect();
    assert_eq!(families(&page, "always"), expected);
}

#[test]
fn a_node_with_registers_shows_the_families_of_the_contract() {
    let metrics = Metrics::new(2);
    metrics.show_registers(&[vec!["a:1".to_owned()]]);
    let mut page = Page::default();
    metrics.fill(&mut page);
    let mut shown = families(&page.into_text(), "registers");
    shown.retain(|family| family.name.starts_with("yanma_register_"));
    let expected: BTreeSet<Family> =
        contract().into_iter().filter(|family| family.shown == "registers").collect();
    assert_eq!(shown, expected);
}

#[test]
fn a_node_with_account_states_shows_the_families_of_the_contract() {
    let (mut shared, _) = shared();
    let accounts = Arc::new(::accounts::Accounts::new(100, &["accounts.db"]));
    Arc::get_mut(&mut shared).unwrap().accounts = Some(AccountStates::new(accounts));
    let mut shown = families(&render(&shared), "accounts");
    shown.retain(|family| family.name.starts_with("yanma_accounts_"));
    let expected: BTreeSet<Family> =
        contract().into_iter().filter(|family| family.shown == "accounts").collect();
    assert_eq!(shown, expected);
}

/// The families of a page. Labels are those of the first series.
fn families(page: &str, shown: &str) -> BTreeSet<Family> {
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    types
        .map(|(name, kind)| Family {
            name: name.to_owned(),
            r#type: kind.to_owned(),
            labels: labels(page, name),
            shown: shown.to_owned(),
            help: help(page, name),
        })
        .collect()
}

fn help(page: &str, name: &str) -> String {
    let begin = format!("# HELP {name} ");
    page.lines().find_map(|line| line.strip_prefix(&begin)).unwrap().to_owned()
}

fn labels(page: &str, name: &str) -> Vec<String> {
    let first = page.lines().find(|line| {
        let rest = line.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with(['{', ' ']) || rest.starts_with("_bucket{"))
    });
    let labels = first.unwrap().split_once('{').map_or("", |(_, labels)| labels);
    let names = labels.split(',').filter_map(|label| Some(label.split_once("=\"")?.0));
    names.filter(|name| *name != "le").map(str::to_owned).collect()
}

#[test]
fn no_series_is_named_twice() {
    let (shared, _hand) = shared();
    let channels = ["unknown".parse().unwrap(), "alipay".parse().unwrap()];
    shared.metrics.show_channels(channels);
    let page = render(&shared);
    let lines = page.lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(samples(&page).len(), lines);
}

#[test]
fn a_request_is_counted_where_it_belongs() {
    let (shared, _hand) = shared();
    let metrics = &shared.metrics;
    let (route, backend) = (metrics.route("/pay"), metrics.backend("settlement"));
    let used = Outcome::Refused(Refusal::CodeUsed);
    route.requests(W0, Outcome::Approved);
    route.requests(W1, Outcome::Approved);
    route.requests(W1, used);
    route.duration.observe_ns(W0, 30_000_000_001);
    backend.responses(W0, Some(http::StatusCode::OK));
    backend.responses(W1, None);
    metrics.codes(W1, Some("wechat".parse().unwrap()), used);
    metrics.codes(W0, None, Outcome::Refused(Refusal::KeyUnknown));
    metrics.code_age(W0, "wechat".parse().unwrap(), 60_001);
    metrics.code_age(W1, "wechat".parse().unwrap(), 0);
    metrics.limit_hits(W0, Limit::BodyBytes);
    metrics.batch(W1, 8);
    metrics.requests_in_flight.add(W0, 2);
    metrics.requests_in_flight.add(W1, -1);
    assert_samples(
        &render(&shared),
        &[
            ("yanma_requests_total{route=\"/pay\",outcome=\"approved\"}", "2"),
            ("yanma_requests_total{route=\"/pay\",outcome=\"code_used\"}", "1"),
            ("yanma_requests_total{route=\"/pay\",outcome=\"code_expired\"}", "0"),
            ("yanma_request_duration_seconds_bucket{route=\"/pay\",le=\"30\"}", "1"),
            ("yanma_request_duration_seconds_sum{route=\"/pay\"}", "30"),
            ("yanma_backend_responses_total{backend=\"settlement\",class=\"2xx\"}", "1"),
            ("yanma_backend_responses_total{backend=\"settlement\",class=\"none\"}", "1"),
            ("yanma_codes_total{channel=\"wechat\",outcome=\"code_used\"}", "1"),
            ("yanma_codes_total{channel=\"unknown\",outcome=\"key_unknown\"}", "1"),
            ("yanma_code_age_seconds_bucket{channel=\"wechat\",le=\"1\"}", "1"),
            ("yanma_code_age_seconds_bucket{channel=\"wechat\",le=\"60\"}", "1"),
            ("yanma_code_age_seconds_bucket{channel=\"wechat\",le=\"62\"}", "2"),
            ("yanma_code_age_seconds_sum{channel=\"wechat\"}", "60.001"),
            ("yanma_limit_hits_total{limit=\"body_bytes_max\"}", "1"),
            ("yanma_limit_hits_total{limit=\"header_ms\"}", "0"),
            ("yanma_verify_batch_size_bucket{le=\"7\"}", "0"),
            ("yanma_verify_batch_size_bucket{le=\"8\"}", "1"),
            ("yanma_requests_in_flight", "1"),
        ],
    );
}

#[test]
fn what_the_node_knows_is_read_when_asked() {
    let (shared, hand) = shared();
    shared.health.set_keys(true);
    hand.step_wall(-60_000);
    shared.clock.tick();
    let current = shared.current.load();
    let [backend] = current.backends() else { panic!("one backend") };
    let _place = backend.reserve().unwrap();
    backend.endpoints()[0].record_connect_failure(START);
    let (config, keys) = (current.config().digest, current.keys().digest());
    let key = "key_id=\"7001\",channel=\"wechat\",state=\"active\",algorithm=\"ES256\"";
    assert_samples(
        &render(&shared),
        &[
            ("yanma_backend_in_flight{backend=\"settlement\"}", "1"),
            (&up("http://127.0.0.1:9001"), "0"),
            (&up("unix:/run/b"), "1"),
            ("yanma_replay_capacity", "64"),
            ("yanma_replay_entries", "0"),
            ("yanma_replay_fence_end_timestamp_seconds", "1800000000"),
            (&format!("yanma_key_info{{{key}}}"), "1"),
            ("yanma_key_expiry_timestamp_seconds{key_id=\"7001\"}", "1900000000"),
            (&format!("yanma_config_info{{config=\"{config}\",keyring=\"{keys}\"}}"), "1"),
            ("yanma_ready{condition=\"keys\"}", "1"),
            ("yanma_ready{condition=\"clock\"}", "0"),
            ("yanma_clock_steps_total", "1"),
            ("yanma_verify_engine_active{engine=\"reference\"}", "1"),
            ("yanma_verify_engine_active{engine=\"ifma\"}", "0"),
            ("yanma_verify_fallbacks_total", "0"),
            ("yanma_verify_tables{state=\"wanted\"}", "1"),
            ("yanma_verify_tables{state=\"ready\"}", "0"),
            ("yanma_ready{condition=\"verify_tables\"}", "0"),
        ],
    );
}

fn up(endpoint: &str) -> String {
    format!("yanma_backend_endpoint_up{{backend=\"settlement\",endpoint=\"{endpoint}\"}}")
}

#[test]
fn a_failed_reload_does_not_move_the_time_of_the_last_good_one() {
    let (shared, _hand) = shared();
    let successful = "yanma_config_last_reload_successful";
    let at = "yanma_config_last_reload_success_timestamp_seconds";
    shared.metrics.reloaded(START);
    assert_samples(&render(&shared), &[(successful, "1"), (at, "1800000000")]);
    shared.metrics.reload_failed();
    assert_samples(&render(&shared), &[(successful, "0"), (at, "1800000000")]);
    shared.metrics.reloaded(START.plus_ms(60_500));
    assert_samples(&render(&shared), &[(successful, "1"), (at, "1800000060.5")]);
}
