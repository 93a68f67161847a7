//! The sandbox's `gateway.toml`: a route for every behaviour that can be tried.

use std::net::SocketAddr;

/// How long the stand-in may take, in milliseconds; short, so that an unknown outcome is soon seen.
const BACKEND_TIMEOUT_MS: u64 = 3_000;
/// How long a request body may take, in milliseconds; short for the same reason.
const BODY_TIMEOUT_MS: u64 = 3_000;

/// Slots of the table of spent codes, which no person fills by hand.
pub(super) const SLOTS: u32 = 65_536;

/// Marks a file that the sandbox may overwrite. A person's own file does not begin with it.
pub(super) const FIRST_LINE: &str =
    "# Written by `yanma sandbox` at each start: to be read; changes do not last.";

/// The token of the sandbox's writer of account states, in the sandbox's directory.
pub(super) const TOKEN_FILE: &str = "accounts.token";

/// Where everything runs; no port is 0.
#[derive(Copy, Clone, Debug)]
pub(super) struct Addresses {
    pub(super) gateway: SocketAddr,
    pub(super) admin: SocketAddr,
    pub(super) backend: SocketAddr,
    /// The API of writers of account states.
    pub(super) accounts: SocketAddr,
}

/// What differs from one writing to the next.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) addresses: Addresses,
    /// Of the table of spent codes.
    pub(super) slots: u32,
    /// Whether the settlement backend is in maintenance.
    pub(super) maintenance: bool,
}

impl Settings {
    /// The configuration. Everything in it is relative to its own directory.
    pub(super) fn text(&self) -> String {
        text(self)
    }
}

fn text(settings: &Settings) -> String {
    let Settings { addresses, slots, maintenance } = settings;
    let Addresses { gateway, admin, backend, accounts } = addresses;
    let hospital = hospital_routes("", "utf-8");
    let hospital_gbk = hospital_routes("/gbk", "gbk");
    format!(
        r#"{FIRST_LINE}
# Every setting is documented in config/gateway.toml.

[server]
environment = "sandbox"         # `yanma serve` refuses it
keyring = "keyring"
data_dir = "data"
verify_table_mib = 16           # for one key, less would do
drain_delay_ms = 0              # Ctrl-C ends at once
drain_timeout_ms = 5000

[[listener]]
address = "{gateway}"

[admin]
address = "{admin}"
reload = true

[replay]
store = "local"
capacity = {slots}

[record]
unverified_one_in = 1           # each decision has a line: yanma audit data/record
subject_key = "audit.key"

[status]                        # what became of a code or pass?
path = "/yanma/redemptions"

[accounts]                      # freezes, lost phones, families: yanma accounts
store = "local"
capacity = 100_000
listen = "{accounts}"

[[accounts.writer]]
name = "sandbox"
token_file = "{TOKEN_FILE}"
may = ["freeze:*", "unfreeze:*", "unbind", "bind-member", "remove-member", "show", "import", "export"]

[timeouts]
body_ms = {BODY_TIMEOUT_MS}                  # short, to see request_timeout

[[backend]]
name = "settlement"
endpoints = ["http://{backend}"]
timeout_ms = {BACKEND_TIMEOUT_MS}               # short, to see outcome_unknown
maintenance = {maintenance}

[[backend]]
name = "nobody"                 # there is no such socket: backend_unreachable
endpoints = ["unix:nobody.sock"]

[[backend]]
name = "resting"
endpoints = ["http://{backend}"]
maintenance = true

[[route]]                       # money moves: the code is spent
path = "/pay"
methods = ["POST"]
code = "redeem"
backend = "settlement"

[[route]]                       # who is it? the same code can pay afterwards
path = "/identify"
methods = ["GET", "POST"]
code = "check"
kinds = ["payment", "display"]
backend = "settlement"

[[route]]                       # one scan for a whole visit: the code is spent, a pass comes back
path = "/scan"
methods = ["POST"]
code = "exchange"
backend = "settlement"

[[route]]                       # the calls of the visit: the pass stays good
path = "/visit"
methods = ["GET", "POST"]
code = "pass_check"
backend = "settlement"

[[route]]                       # the settlement of the visit: the pass pays once
path = "/visit-pay"
methods = ["POST"]
code = "pass"
backend = "settlement"

{hospital}{hospital_gbk}[[route]]                       # for static codes only
path = "/information"
code = "check"
kinds = ["display"]
backend = "settlement"

[[route]]                       # was the patient charged? needs no code
path = "/query"
methods = ["GET", "POST"]
code = "none"
backend = "settlement"

[[route]]
path = "/pay-biometric"
code = "redeem"
min_auth = "biometric"
backend = "settlement"

[[route]]                       # for people insured in Shandong
path = "/pay-in-shandong"
code = "redeem"
open_regions = ["37"]
backend = "settlement"

[[route]]
path = "/pay-to-nobody"
code = "redeem"
backend = "nobody"

[[route]]
path = "/pay-in-maintenance"
code = "redeem"
backend = "resting"
"#
    )
}

/// What a hospital system sends, in the characters that its platform reads. `suffix` ends the paths.
fn hospital_routes(suffix: &str, charset: &str) -> String {
    format!(
        r#"[[route]]                       # a hospital system decodes in the platform's own form
path = "/api/ecqrcode{suffix}"
methods = ["POST"]
code = "exchange"
charset = "{charset}"
code_at = "/data/ecQrCode"
institution_at = "/data/orgId"
refusals = "code_message_data"
opaque = "reserve"              # today's national code passes too: once, and unverified
backend = "settlement"

[[route]]                       # the same without a backend: the gateway answers
path = "/api/decode{suffix}"
methods = ["POST"]
code = "exchange"
answer = "decode"
charset = "{charset}"
code_at = "/data/ecQrCode"
institution_at = "/data/orgId"
refusals = "code_message_data"

[[route]]                       # and sends all else in one envelope, which says what it is
path = "/uif{suffix}"
methods = ["POST"]
charset = "{charset}"
infno_at = "/infno"
code_at = "/input/data/mdtrt_cert_no"
cert_type = {{ at = "/input/data/mdtrt_cert_type", code = ["01"], none = ["02", "03"] }}
institution_at = "/fixmedins_code"
msgid_at = "/msgid"
refusals = "fsi"
opaque = "reserve"              # and so do the tokens that the platform gives for it
backend = "settlement"
[route.infno]
"1162" = {{ code = "exchange", code_at = "/input/data/ecQrCode" }}
"1101" = "pass_check"
"2201" = "pass_check"
"2206" = "pass_check"
"2207" = "pass"
"2102" = {{ code = ["pass", "redeem"], code_at = "/input/druginfo/mdtrt_cert_no", cert_type = {{ at = "/input/druginfo/mdtrt_cert_type", code = ["01"], none = ["02", "03"] }} }}
"2304" = "pass"
"2103" = "none"
"2208" = "none"
"2305" = "none"
"2601" = {{ code = "none", reverses_at = "/input/data/omsgid" }}

"#
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    #[test]
    fn the_settings_are_a_configuration() {
        let addresses = Addresses {
            gateway: "127.0.0.1:7460".parse().unwrap(),
            admin: "[::1]:7461".parse().unwrap(),
            backend: "127.0.0.1:7462".parse().unwrap(),
            accounts: "127.0.0.1:7463".parse().unwrap(),
        };
        let directory = tempfile::tempdir().unwrap();
        let token = directory.path().join(TOKEN_FILE);
        std::fs::write(&token, "t".repeat(64)).unwrap();
        std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
        let text = Settings { addresses, slots: SLOTS, maintenance: true }.text();
        let config = Config::parse(&text, directory.path(), Path::new("gateway.toml"));
        let config = config.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(config.server.environment, "sandbox");
        assert_eq!(config.admin.address, addresses.admin);
    }
}
