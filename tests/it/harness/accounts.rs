//! Writers of account states, as a test plays them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use super::process::address;
use super::{Client, Message, Request, Setup};

const TOKEN: &str = "token-of-the-writer-who-may-do-all-there-is";
const WEAK_TOKEN: &str = "token-of-the-hotline-that-may-only-freeze";

/// One writer at one API.
#[derive(Clone)]
pub(crate) struct Writer {
    address: String,
    token: &'static str,
}

/// Two writers in the configuration: `all` may do everything, `hotline` freezes for the hotline.
/// `overlay` says where states are kept.
pub(crate) fn with_accounts(setup: Setup, overlay: &str) -> (Setup, Writer) {
    for (file, token) in [("all.token", TOKEN), ("hotline.token", WEAK_TOKEN)] {
        let path = setup.directory().join(file);
        fs::write(&path, token).expect("a token");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("its mode");
    }
    let address = address();
    let setup = setup.config(&format!(
        "[accounts]\nlisten = \"{address}\"\ncapacity = 1000\n{overlay}
        [[accounts.writer]]
        name = \"all\"
        token_file = \"all.token\"
        may = [\"freeze:*\", \"unfreeze:*\", \"unbind\", \"bind-member\", \"remove-member\", \
        \"show\", \"import\", \"export\"]
        changes_per_second_max = 10000
        [[accounts.writer]]
        name = \"hotline\"
        token_file = \"hotline.token\"
        may = [\"freeze:hotline\"]
        freezes_per_hour_max = 3"
    ));
    (setup, Writer { address, token: TOKEN })
}

impl Writer {
    /// The one that may only freeze for the hotline.
    pub(crate) fn weak(&self) -> Self {
        Self { token: WEAK_TOKEN, ..self.clone() }
    }

    pub(crate) fn stranger(&self) -> Self {
        Self { token: "a-token-of-no-configured-writer-whatsoever", ..self.clone() }
    }

    pub(crate) async fn send(&self, request: Request) -> Message {
        let request = request.field("Authorization", &format!("Bearer {}", self.token));
        Client::connect(&self.address).await.ask(request.bytes()).await
    }

    /// Asks for these changes.
    pub(crate) async fn ask(&self, changes: Value) -> Message {
        let body = json!({ "request": "T-1", "changes": changes }).to_string();
        self.send(Request::post("/accounts/changes").body(body)).await
    }

    /// Makes one change, which must be acknowledged. Returns its result.
    pub(crate) async fn change(&self, change: Value) -> Value {
        let answer = self.ask(json!([change])).await;
        assert_eq!(answer.status(), 200, "{}", answer.text());
        answer.json()["results"][0].clone()
    }

    /// Freezes for the hotline, and returns the freeze's number.
    pub(crate) async fn freeze(&self, subject: &str) -> String {
        let freeze = json!({ "op": "freeze", "subject": subject, "cause": "hotline" });
        self.change(freeze).await["freeze"].as_str().expect("a number").to_owned()
    }

    pub(crate) async fn lift(&self, subject: &str, freeze: &str) -> Value {
        let lift =
            json!({ "op": "unfreeze", "subject": subject, "cause": "hotline", "freeze": freeze });
        self.change(lift).await
    }
}
