//! Which backend a request goes to: by path, by place of insurance, over TCP or a UNIX socket.

use keyring::code::Region;
use keyring::mint::Spec;

use crate::harness::keys::{WECHAT, region};
use crate::harness::{Backend, Client, Reply, Request, Setup, World};

async fn pay_from(world: &World, path: &str, place: Region) -> crate::harness::Message {
    let code = WECHAT.mint(&Spec { region: place, ..world.fresh() });
    world.ask(&Request::post(path).code(&code)).await
}

#[tokio::test]
async fn the_place_of_insurance_chooses_the_backend() {
    let shandong = Backend::start(Reply::ok("shandong")).await;
    let jinan = Backend::start(Reply::ok("jinan")).await;
    let world = Setup::new()
        .await
        .also("backend", &format!("name = \"shandong\"\nendpoints = [\"{}\"]", shandong.endpoint))
        .also("backend", &format!("name = \"jinan\"\nendpoints = [\"{}\"]", jinan.endpoint))
        .also(
            "route",
            "path = \"/settle\"\ncode = \"redeem\"\nkinds = [\"payment\"]\nrequire_region = true\n\
             open_regions = [\"37\", \"3301\"]\nbackend = \"settlement\"\n\
             region_backends = { \"37\" = \"shandong\", \"3701\" = \"jinan\" }",
        )
        .also("route", "path = \"/anywhere\"\ncode = \"redeem\"\nkinds = [\"payment\"]\nrequire_region = false\nbackend = \"settlement\"")
        .start()
        .await;
    assert_eq!(pay_from(&world, "/settle", region(370_100)).await.text(), "jinan");
    assert_eq!(pay_from(&world, "/settle", region(370_200)).await.text(), "shandong");
    pay_from(&world, "/settle", region(330_100)).await.assert_approved();
    pay_from(&world, "/settle", region(330_200)).await.assert_refused("region_not_open");
    pay_from(&world, "/settle", region(110_000)).await.assert_refused("region_not_open");
    pay_from(&world, "/settle", region(0)).await.assert_refused("region_missing");
    pay_from(&world, "/pay", region(0)).await.assert_refused("region_missing");
    pay_from(&world, "/anywhere", region(0)).await.assert_approved();
    assert_eq!((shandong.count(), jinan.count(), world.backend.count()), (1, 1, 2));
}

#[tokio::test]
async fn a_place_with_leading_zeros_is_six_digits() {
    let world = World::start().await;
    pay_from(&world, "/pay", region(1_234)).await.assert_approved();
    assert_eq!(world.backend.only().await.field("yanma-region"), Some("001234"));
}

#[tokio::test]
async fn a_backend_in_maintenance_spends_nothing() {
    let world = Setup::new()
        .await
        .also(
            "backend",
            "name = \"resting\"\nendpoints = [\"http://127.0.0.1:9\"]\nmaintenance = true",
        )
        .also(
            "route",
            "path = \"/settle\"\ncode = \"redeem\"\nkinds = [\"payment\"]\n\
             backend = \"settlement\"\nregion_backends = { \"37\" = \"resting\" }",
        )
        .also("route", "path = \"/query\"\ncode = \"none\"\nbackend = \"resting\"")
        .start()
        .await;
    let code = world.code();
    world.ask(&Request::post("/settle").code(&code)).await.assert_refused("maintenance");
    world.ask(&Request::get("/query")).await.assert_refused("maintenance");
    pay_from(&world, "/settle", region(110_000)).await.assert_approved();
    world.pay(&code).await.assert_approved();
}

#[tokio::test]
async fn the_longest_path_wins_by_whole_segments() {
    let deep = Backend::start(Reply::ok("deep")).await;
    let world = Setup::new()
        .await
        .also("backend", &format!("name = \"deep\"\nendpoints = [\"{}\"]", deep.endpoint))
        .also("route", "path = \"/open/deep\"\ncode = \"none\"\nbackend = \"deep\"")
        .start()
        .await;
    let text = async |path| world.ask(&Request::get(path)).await.text().to_owned();
    assert_eq!(text("/open/deep").await, "deep");
    assert_eq!(text("/Open/DEEP/x").await, "deep");
    assert_ne!(text("/open/deeper").await, "deep");
    assert_ne!(text("/open/x/deep").await, "deep");
}

#[tokio::test]
async fn the_endpoint_with_fewer_requests_is_chosen() {
    let other = Backend::start(Reply::settled()).await;
    let world = Setup::new().await.endpoints(&[&other.endpoint]).start().await;
    for _ in 0..40 {
        world.pay(&world.code()).await.assert_approved();
    }
    assert!(world.backend.count() > 0 && other.count() > 0, "both endpoints serve");
    assert_eq!(world.backend.count() + other.count(), 40);
}

#[tokio::test]
async fn unix_sockets_on_both_sides() {
    let setup = Setup::new().await;
    let (front, back) = (setup.directory().join("front.sock"), setup.directory().join("back.sock"));
    let backend = Backend::start_unix(&back, Reply::settled()).await;
    let listener = format!("[[listener]]\naddress = \"unix:{}\"", front.display());
    let world = setup.config(&listener).only_endpoints(&[&backend.endpoint]).start().await;
    let code = world.code();
    let request = Request::post("/pay").code(&code).field("X-Forwarded-For", "10.9.8.7").bytes();
    let mut client = Client::connect_unix(&front).await;
    client.ask(&request).await.assert_approved();
    client
        .ask(Request::post("/pay").code(&code).body("{}").bytes())
        .await
        .assert_refused("code_used");
    let seen = backend.only().await;
    assert_eq!(seen.field("host"), Some("yanma.test"));
    assert_ne!(seen.field("x-forwarded-for"), Some("10.9.8.7"));
}

#[tokio::test]
async fn an_ipv4_client_of_a_listener_for_both_versions_is_told_as_one() {
    let address = crate::harness::process::address();
    let port = address.rsplit(':').next().expect("a port");
    let listener = format!("[[listener]]\naddress = \"[::]:{port}\"");
    let world = World::with(&listener).await;
    let mut client = Client::connect(&format!("127.0.0.1:{port}")).await;
    client.ask(Request::get("/open").bytes()).await.assert_approved();
    let seen = world.backend.only().await;
    assert_eq!(seen.field("x-forwarded-for"), Some("127.0.0.1"));
}
