//! Two gateways that meet all that dashboards show: one keeps everything itself, the other shares
//! registers and loses them.

use std::fs;
use std::path::PathBuf;

use keyring::code::Subject;
use keyring::mint::{Spec, Spoil};

use crate::harness::accounts::{Writer, with_accounts};
use crate::harness::keys::{RETIRING, STRANGER, WECHAT, payment};
use crate::harness::redis::{Redis, config};
use crate::harness::{Client, Request, Setup, World, eventually, now_ms};

/// Beside those of every test: passes, an opaque code, a route that only observes, messages.
const ROUTES: [&str; 6] = [
    "path = \"/scan\"\ncode = \"exchange\"\nbackend = \"settlement\"",
    "path = \"/query\"\ncode = \"pass_check\"\nbackend = \"settlement\"",
    "path = \"/settle\"\ncode = \"pass\"\nbackend = \"settlement\"",
    "path = \"/look\"\ncode = \"check\"\nopaque = \"reserve\"\nbackend = \"settlement\"",
    "path = \"/try\"\ncode = \"redeem\"\nbackend = \"settlement\"\nenforce = false",
    "path = \"/uif\"\nmethods = [\"POST\"]\nbackend = \"settlement\"\ninfno_at = \"/infno\"\n\
     code_at = \"/code\"\ninfno = { \"2207\" = \"redeem\", \"5*\" = \"none\" }",
];

/// 28 digits of the national platform, which no key proves.
const OPAQUE: &str = "4240123456789012345678370000";
/// The first bytes of a TLS handshake.
const TLS: [u8; 6] = [0x16, 3, 1, 0, 200, 1];

pub(super) struct Site {
    /// With a table, a record and account states of its own.
    alone: World,
    writer: Writer,
    /// With registers.
    sharing: World,
    registers: Vec<Redis>,
    /// A file that names the part of `sharing` that must panic.
    panic: PathBuf,
}

impl Site {
    pub(super) async fn start() -> Self {
        let (setup, writer) = with_accounts(Setup::new().await, "store = \"local\"");
        let alone = ROUTES.iter().fold(setup, |setup, route| setup.also("route", route));
        let registers = Redis::group().await;
        let setup = Setup::new().await.config(&config(&registers));
        let panic = setup.directory().join("panic");
        let sharing = setup.environment("YANMA_TEST_PANIC", &panic.display().to_string());
        let (alone, sharing) = tokio::join!(alone.start(), sharing.start());
        for register in &registers {
            register.age().await;
        }
        let open = async || {
            let fence_s = alone.metric("yanma_pass_fence_end_timestamp_seconds").await;
            (fence_s < f64::from(i32::try_from(now_ms() / 1_000).ok()?)).then_some(())
        };
        eventually("a table of passes that remembers", open).await;
        Self { alone, writer, sharing, registers, panic }
    }

    /// The admin listeners.
    pub(super) fn targets(&self) -> [&str; 2] {
        [&self.alone.admin, &self.sharing.admin]
    }

    /// Sends traffic of every kind.
    pub(super) async fn run(&mut self) {
        self.codes().await;
        self.forgeries().await;
        self.passes().await;
        self.messages().await;
        self.states().await;
        self.limits().await;
        self.lost_registers().await;
    }

    async fn codes(&self) {
        let world = &self.alone;
        let code = world.code();
        world.pay(&code).await.assert_approved();
        assert_eq!(world.pay(&code).await.field("idempotent-replayed"), Some("true"));
        world.pay_more(&code).await.assert_refused("code_used");
        world.ask(&Request::post("/check").code(&world.code())).await.assert_approved();
        let retiring = RETIRING.mint(&world.fresh());
        world.ask(&Request::post("/check").code(&retiring)).await.assert_approved();
        let old = WECHAT.mint(&payment(now_ms() / 1_000 - 3_600));
        world.pay(&old).await.assert_refused("code_expired");
        let early = WECHAT.mint(&payment(now_ms() / 1_000 + 30));
        world.pay(&early).await.assert_refused("code_not_yet_valid");
        let observed = world.ask(&Request::post("/try").code("123")).await;
        assert_eq!(observed.field("yanma-outcome"), Some("observed"));
        let looked = world.ask(&Request::post("/look").code(OPAQUE)).await;
        assert_eq!(looked.field("yanma-outcome"), Some("opaque"));
    }

    async fn forgeries(&self) {
        let world = &self.alone;
        for (spoil, reason) in
            [(Spoil::Signature, "signature_invalid"), (Spoil::Seal, "seal_invalid")]
        {
            world.pay(&WECHAT.mint_spoiled(&world.fresh(), spoil)).await.assert_refused(reason);
        }
        world.pay(&STRANGER.mint(&world.fresh())).await.assert_refused("key_unknown");
    }

    async fn passes(&self) {
        let world = &self.alone;
        let scanned = world.ask(&Request::post("/scan").code(&world.code())).await;
        let pass = scanned.field("yanma-pass").expect("a pass");
        for target in ["/query", "/settle"] {
            world.ask(&Request::post(target).field("Yanma-Pass", pass)).await.assert_approved();
        }
    }

    async fn messages(&self) {
        let send = async |body: &str| {
            let request = Request::post("/uif").field("Content-Type", "application/json");
            self.alone.ask(&request.body(body)).await
        };
        send("{\"infno\":\"5301\"}").await.assert_approved();
        send("{\"infno\":\"5301\",\"INFNO\":\"2207\"}").await.assert_refused("request_malformed");
    }

    async fn states(&self) {
        let world = &self.alone;
        self.writer.freeze("43").await;
        let frozen = Spec { subject: Subject::new(43).expect("not 0"), ..world.fresh() };
        world.pay(&WECHAT.mint(&frozen)).await.assert_refused("account_frozen");
    }

    async fn limits(&self) {
        let world = &self.alone;
        let lines = (0..64)
            .fold(Request::get("/open"), |request, n| request.field(&format!("X-Line-{n}"), "1"));
        world.ask(&lines).await.assert_refused("headers_too_large");
        let mut client = Client::connect(&world.address).await;
        client.send(TLS).await;
        client.closed().await;
    }

    /// A part of the node with registers panics and comes back. Then most registers are gone.
    async fn lost_registers(&mut self) {
        let world = &self.sharing;
        world.pay(&world.code()).await.assert_approved();
        let aside = self.panic.with_extension("new");
        fs::write(&aside, "registers").expect("a file");
        fs::rename(aside, &self.panic).expect("a file");
        world.metric_reaches("yanma_threads_ended_total{thread=\"registers\"}", 1.0).await;
        for register in &mut self.registers[..2] {
            register.kill().await;
        }
        world.pay(&world.code()).await.assert_refused("replay_store_unavailable");
    }
}
