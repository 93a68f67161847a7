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
