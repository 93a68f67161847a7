//! A thread or task panics. The node reports it, finishes running requests, and ends if it must.
//! Debug builds have a seam for it: `YANMA_TEST_PANIC`.

use std::fs;
use std::path::PathBuf;

use rustix::process::Signal;

use crate::harness::redis::{Redis, config};
use crate::harness::{Client, Request, Setup, World, eventually};

/// A gateway with a payment on each worker. A file tells it which part must panic.
struct Fragile {
    world: World,
    wish: PathBuf,
    clients: Vec<Client>,
}

impl Fragile {
    async fn start(overlay: &str) -> Self {
        let mut fragile = Self::idle(overlay).await;
        let world = &fragile.world;
        world.backend.hold();
        for nth in 1..=2 {
            let mut client = world.client().await;
            client.send(Request::post("/pay").code(&world.code()).bytes()).await;
            world.backend.arrived(nth).await;
            fragile.clients.push(client);
        }
        fragile
    }

    async fn idle(overlay: &str) -> Self {
        let setup = Setup::new().await.config(overlay);
        let wish = setup.directory().join("panic");
        let wish_text = wish.display().to_string();
        let world = setup.environment("YANMA_TEST_PANIC", &wish_text).start().await;
        Self { world, wish, clients: Vec::new() }
    }

    /// Writes another file and renames it, so that no thread reads half of it.
    fn break_part(&self, part: &str) {
        let aside = self.wish.with_extension("new");
        fs::write(&aside, part).expect("a file");
        fs::rename(aside, &self.wish).expect("a file");
    }

    /// The node is unready for this part alone, or leaves for it, and has counted it.
    async fn assert_told(&self, part: &str) {
        let told = eventually("a node that says which part it lost", async || {
            let page = self.world.admin("GET", "/readyz").await;
            let is_told = page.text().contains(&format!("\nthreads: {part} "));
            is_told.then_some(page)
        })
        .await;
        assert_eq!(told.status(), 503);
        self.world.metric_becomes("yanma_ready{condition=\"threads\"}", 0.0).await;
        let sample = format!("yanma_threads_ended_total{{thread=\"{part}\"}}");
        self.world.metric_becomes(&sample, 1.0).await;
    }

    async fn payments_are_answered(&mut self) {
        self.world.backend.open();
        for client in &mut self.clients {
            client.answer().await.assert_approved();
        }
    }

    /// The part panics: the process finishes what runs and ends with status 1.
    async fn leaves_without(mut self, part: &str) {
        self.break_part(part);
        match part {
            // The connections after which they panic; that of an operator is cut.
            "accept" => drop(self.world.client().await),
            "admin" => drop(Client::connect(&self.world.admin).await.closed().await),
            _ => {}
        }
        self.assert_told(part).await;
        self.world.metric_becomes("yanma_ready{condition=\"not_draining\"}", 0.0).await;
        self.world.metric_becomes("yanma_panics_total", 1.0).await;
        self.payments_are_answered().await;
        assert_eq!(self.world.process.ended().await.code(), Some(1));
        let said = self.world.process.said();
        assert!(said.contains(&format!("a test wants {part} to panic")), "{said}");
        assert!(said.contains(" info drained: in "), "{said}");
        assert!(said.contains("could not serve any more"), "{said}");
    }
}

#[tokio::test]
async fn without_what_serves_requests_or_tells_of_it() {
    tokio::join!(
        async { Fragile::start("").await.leaves_without("worker").await },
        async { Fragile::start("").await.leaves_without("accept").await },
        async { Fragile::start("").await.leaves_without("front").await },
        async { Fragile::start("").await.leaves_without("admin").await },
    );
}

#[tokio::test]
async fn without_what_gives_the_right_to_spend() {
    let refuse = "[record]\nwhen_full = \"refuse\"";
    tokio::join!(
        async { Fragile::start("").await.leaves_without("data_dir").await },
        async { Fragile::start("").await.leaves_without("mark").await },
        async { Fragile::start(refuse).await.leaves_without("record").await },
    );
}

/// Threads that were started anew serve while the process still accepts.
#[tokio::test]
async fn what_began_anew_serves_until_the_listeners_close() {
    let mut fragile = Fragile::start("server.drain_delay_ms = 3000").await;
    for part in ["worker", "data_dir", "accept"] {
        fragile.break_part(part);
        drop(fragile.world.client().await);
        let sample = format!("yanma_threads_ended_total{{thread=\"{part}\"}}");
        fragile.world.metric_becomes(&sample, 1.0).await;
    }
    fragile.payments_are_answered().await;
    for _ in 0..4 {
        fragile.world.pay(&fragile.world.code()).await.assert_approved();
    }
    assert_eq!(fragile.world.process.ended().await.code(), Some(1));
}

/// If decisions may be missing from the record, the node goes on and is unready.
#[tokio::test]
async fn without_a_record_that_may_have_gaps() {
    let mut fragile = Fragile::start("").await;
    fragile.break_part("record");
    fragile.assert_told("record").await;
    fragile.payments_are_answered().await;
    fragile.world.pay(&fragile.world.code()).await.assert_approved();
    fragile.world.signal(Signal::TERM);
    assert!(fragile.world.process.ended().await.success());
    let said = fragile.world.process.said();
    assert!(said.contains("the end of the decision record could not be written"), "{said}");
}

#[tokio::test]
async fn without_the_log_or_the_care_of_tables() {
    let mut fragile = Fragile::start("").await;
    fragile.break_part("log");
    fragile.world.signal(Signal::HUP);
    fragile.assert_told("log").await;
    fragile.break_part("tables");
    fragile.world.signal(Signal::HUP);
    fragile.assert_told("tables").await;
    fragile.world.metric_reaches("yanma_log_dropped_total", 1.0).await;
    fragile.payments_are_answered().await;
    fragile.world.pay(&fragile.world.code()).await.assert_approved();
    fragile.world.signal(Signal::TERM);
    assert!(fragile.world.process.ended().await.success());
}

/// Parts that read bytes from outside start anew, and the node stays ready. Otherwise one register
/// could take out all nodes with bytes that cause a panic.
#[tokio::test]
async fn without_the_connection_of_a_register() {
    let registers = Redis::group().await;
    let fragile = Fragile::idle(&config(&registers)).await;
    let world = &fragile.world;
    for register in &registers {
        register.age().await;
    }
    fragile.break_part("registers");
    world.metric_becomes("yanma_threads_ended_total{thread=\"registers\"}", 1.0).await;
    assert_eq!(world.admin("GET", "/readyz").await.status(), 200);
    for register in &registers {
        let address = register.address();
        let sample = format!("yanma_register_connections{{group=\"1\",register=\"{address}\"}}");
        world.metric_becomes(&sample, 2.0).await;
    }
    let code = world.code();
    world.pay(&code).await.assert_approved();
    world.pay_more(&code).await.assert_refused("code_used");
}

/// The keeper of account states reads bytes of a store. It loads all of them anew, and the node stays
/// ready; meanwhile nothing is forgotten.
#[tokio::test]
async fn without_the_keeper_of_account_states() {
    let fragile = Fragile::idle("accounts.store = \"local\"").await;
    let world = &fragile.world;
    fragile.break_part("accounts");
    world.metric_becomes("yanma_threads_ended_total{thread=\"accounts\"}", 1.0).await;
    world.metric_becomes("yanma_accounts_loads_total{reason=\"gap\"}", 1.0).await;
    world.pay(&world.code()).await.assert_approved();
    assert!(crate::harness::world::is_ready(&world.admin).await);
}
