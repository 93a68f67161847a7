use std::os::unix::fs::PermissionsExt as _;

use super::plan::{AccountPlan, MemoryPlan};
use super::*;

fn plan(dir: &Path) -> Plan {
    let node = |port| {
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
        (Address::Tcp(address), address)
    };
    Plan {
        dir: dir.to_owned(),
        keys: 2,
        nodes: vec![node(7460), node(7470)],
        backend: Address::Unix("/tmp/backend.sock".into()),
        workers: 1,
        backend_timeout_ms: 1_000,
        connections_max: 64,
        requests_max: 64,
        has_passes: false,
        memory: MemoryPlan::default(),
    }
}

fn states(site: &Site) -> Vec<(u32, KeyState)> {
    site.keys().unwrap().iter().map(|key| (key.id().get(), key.state())).collect()
}

#[test]
fn what_is_written_is_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let plan = plan(dir.path());
    let site = plan.write().unwrap();
    let places: Vec<_> = site.nodes.iter().map(|n| (n.listen.clone(), n.admin)).collect();
    assert_eq!(places, plan.nodes);
    assert_eq!((&site.backend, site.skew_ms, site.workers), (&plan.backend, 500, 1));
    let expected = [(7000, KeyState::Revoked), (7001, KeyState::Active), (7002, KeyState::Active)];
    assert_eq!(states(&site), expected);
    site.signing_key(key_id(7000)).unwrap();
}

#[test]
fn a_directory_is_prepared_once() {
    let dir = tempfile::tempdir().unwrap();
    plan(dir.path()).write().unwrap();
    let error = plan(dir.path()).write().unwrap_err().to_string();
    assert!(error.contains("is there already"), "{error}");
}

#[test]
fn keys_rotate() {
    let dir = tempfile::tempdir().unwrap();
    let site = plan(dir.path()).write().unwrap();
    assert_eq!(site.add_key().unwrap().get(), 7003);
    site.set_state(7001, KeyState::Retiring).unwrap();
    assert!(states(&site).contains(&(7001, KeyState::Retiring)));
}

#[test]
fn registers_stand_in_the_configuration_by_group() {
    let dir = tempfile::tempdir().unwrap();
    let group = |ports: [u16; 3]| ports.map(|port| ([127, 0, 0, 1], port).into()).to_vec();
    let memory = MemoryPlan {
        replay_capacity: Some(4_096),
        verify_table_mib: Some(0),
        groups: vec![group([1, 2, 3]), group([4, 5, 6])],
        register_timeout_ms: 70,
        accounts: None,
    };
    let site = Plan { memory, ..plan(dir.path()) }.write().unwrap();
    let text = fs::read_to_string(&site.nodes[1].config).unwrap();
    let file: toml::Table = text.parse().unwrap();
    assert_eq!(file["server"]["verify_table_mib"].as_integer(), Some(0));
    assert_eq!(file["replay"]["store"].as_str(), Some("registers"));
    assert_eq!(file["replay"]["timeout_ms"].as_integer(), Some(70));
    assert_eq!(file["replay"]["capacity"].as_integer(), Some(4_096));
    assert_eq!(file["replay"]["group"][1]["registers"][2].as_str(), Some("redis://127.0.0.1:6"));
    assert_eq!(site.nodes[1].data_dir, dir.path().join("data-2"));
}

#[test]
fn account_states_have_a_door_with_a_token_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let listen =
        vec![Address::Unix(dir.path().join("a.sock")), Address::Tcp(([127, 0, 0, 1], 9).into())];
    let accounts = AccountPlan { listen: listen.clone(), stale_ms: 700, etcd: Vec::new() };
    let memory = MemoryPlan { accounts: Some(accounts), ..MemoryPlan::default() };
    let site = Plan { memory, ..plan(dir.path()) }.write().unwrap();
    let doors: Vec<_> = site.nodes.iter().map(|node| node.accounts.clone().unwrap()).collect();
    assert_eq!(doors.iter().map(|door| door.listen.clone()).collect::<Vec<_>>(), listen);
    let file = &doors[1].token_file;
    assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_to_string(file).unwrap().trim().len(), 64);
    let text = fs::read_to_string(&site.nodes[0].config).unwrap();
    let config: toml::Table = text.parse().unwrap();
    assert_eq!(config["accounts"]["store"].as_str(), Some("local"));
    assert_eq!(config["accounts"]["stale_ms"].as_integer(), Some(700));
    let plain = tempfile::tempdir().unwrap();
    assert!(plan(plain.path()).write().unwrap().nodes[0].accounts.is_none());
}

#[test]
fn only_a_directory_for_visits_has_a_pass_secret_and_their_routes() {
    for has_passes in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        Plan { has_passes, ..plan(dir.path()) }.write().unwrap();
        let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
        assert_eq!(read("keyring/keyring.toml").contains("[[pass_secret]]"), has_passes);
        let config = read("gateway.toml");
        for part in ["[passes]", "code = \"exchange\"", "path = \"/query\"", "code = \"pass\""] {
            assert_eq!(config.contains(part), has_passes, "{part}");
        }
    }
}
