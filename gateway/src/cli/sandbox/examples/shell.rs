//! The words that the commands are made of, for a POSIX shell.

use std::path::Path;

use crate::cli::failure::Failure;
use crate::cli::sandbox::directory::{Directory, KEY_ID};
use crate::cli::sandbox::settings::Addresses;

/// The request body of a payment.
pub(super) const AMOUNT: &str = "-d '{\"amount\":\"12.30\"}'";
/// The code that [`Shell::keep_code`] kept.
pub(super) const WITH_REUSED: &str = "-H \"Yanma-Code: $CODE\"";
/// curl's option that sends the kept pass.
pub(super) const WITH_PASS: &str = "-H \"Yanma-Pass: $PASS\"";

/// The hospital of the examples.
pub(super) const INSTITUTION: &str = "H37010000001";

/// Paths are absolute and quoted where they need it.
pub(super) struct Shell {
    yanma: String,
    keyring: String,
    signing_key: String,
    revoked_code: String,
    accounts_token: String,
    record: String,
    picture: String,
    addresses: Addresses,
}

impl Shell {
    /// # Errors
    /// The path of the running program cannot be found.
    pub(super) fn new(directory: &Directory, addresses: &Addresses) -> Result<Self, Failure> {
        let yanma = std::env::current_exe()
            .map_err(|error| Failure::of("cannot find the path of this program", &error))?;
        Ok(Self {
            yanma: quoted(&yanma),
            keyring: quoted(&directory.keyring()),
            signing_key: quoted(&directory.signing_key()),
            revoked_code: quoted(&directory.revoked_code()),
            accounts_token: quoted(&directory.accounts_token()),
            record: quoted(&directory.files().record),
            picture: quoted(&directory.path().join("code.png")),
            addresses: *addresses,
        })
    }

    /// Prints a code.
    pub(super) fn mint(&self, options: &str) -> String {
        self.mint_of(42, options)
    }

    fn mint_of(&self, subject: u64, options: &str) -> String {
        let Self { yanma, keyring, signing_key, .. } = self;
        let command = format!(
            "{yanma} mint --keyring {keyring} --key-id {KEY_ID} --signing-key {signing_key} \
             --subject {subject} {options}"
        );
        command.trim_end().to_owned()
    }

    /// curl's option that sends a code of another person, minted at that moment.
    pub(super) fn fresh_code_of(&self, subject: u64, mint_options: &str) -> String {
        format!("-H \"Yanma-Code: $({})\"", self.mint_of(subject, mint_options))
    }

    /// Changes account states, or asks for them.
    pub(super) fn accounts(&self, task: &str) -> String {
        let Self { yanma, accounts_token, addresses, .. } = self;
        let at = addresses.accounts;
        format!("{yanma} accounts {task} --at {at} --token-file {accounts_token}")
    }

    /// curl's option that sends a code minted at that moment.
    pub(super) fn fresh_code(&self, mint_options: &str) -> String {
        format!("-H \"Yanma-Code: $({})\"", self.mint(mint_options))
    }

    /// curl's option that sends the kept code of the revoked key.
    pub(super) fn revoked_code(&self) -> String {
        format!("-H \"Yanma-Code: $(cat {})\"", self.revoked_code)
    }

    /// Mints a code for several requests.
    pub(super) fn keep_code(&self, mint_options: &str) -> String {
        format!("CODE=$({})", self.mint(mint_options))
    }

    /// Exchanges a code minted at that moment for a pass, for several requests.
    pub(super) fn keep_pass(&self) -> String {
        let scan = format!("-D - -o /dev/null -X POST {}", self.fresh_code(""));
        format!(
            "PASS=$(curl -sS {scan} 'http://{}/scan' | sed -n 's/^yanma-pass: //p' | tr -d '\\r')",
            self.addresses.gateway
        )
    }

    /// Lets the platform decode a code minted at that moment (1162), and keeps the token of its answer.
    pub(super) fn keep_token(&self) -> String {
        let (decode, sed) =
            (self.post("/api/ecqrcode", &self.scanned()), r#"s/.*"ecToken": *"\([^"]*\)".*/\1/p"#);
        format!("TOKEN=$({decode} | sed -n '{sed}')")
    }

    /// Shows what a code is that is minted at that moment.
    pub(super) fn decode(&self) -> String {
        self.post("/api/decode", &self.scanned())
    }

    fn scanned(&self) -> String {
        let code = self.mint("");
        format!(
            "{{\\\"data\\\":{{\\\"orgId\\\":\\\"{INSTITUTION}\\\",\\\"ecQrCode\\\":\\\"$({code})\\\"}}}}"
        )
    }

    /// Defines the function `call INFNO MORE`: a message with the kept token, which keeps its msgid.
    pub(super) fn keep_call(&self) -> String {
        let card = r#"\"mdtrt_cert_type\":\"01\",\"mdtrt_cert_no\":\"$TOKEN\""#;
        let head = r#"\"infno\":\"$1\",\"msgid\":\"$ID\""#;
        let text = format!(
            "{{{head},\\\"fixmedins_code\\\":\\\"{INSTITUTION}\\\",\\\"input\\\":{{\\\"data\\\":{{{card}${{2:+,$2}}}}}}}}"
        );
        // As the platform has it: the institution, the second, and four digits of its own.
        let serial = "$(printf %04d $((($$ + $1) % 10000)))";
        let id = format!("ID={INSTITUTION}$(date +%Y%m%d%H%M%S){serial}");
        let send =
            self.post("/uif", &text).replace(" -d", " ${FAULT:+-H \"Sandbox-Fault: $FAULT\"} -d");
        format!("call() {{ {id} && {send}; }}")
    }

    /// Calls that function.
    pub(super) fn call(&self, infno: &str, more: &str) -> String {
        match more {
            "" => format!("call {infno}"),
            more => format!("call {infno} \"{}\"", more.replace('"', "\\\"")),
        }
    }

    /// Sends a message and shows the answer.
    fn post(&self, path: &str, text: &str) -> String {
        let gateway = self.addresses.gateway;
        format!(
            "curl -sS -i -w '\\n' -H 'Content-Type: application/json' -d \"{text}\" 'http://{gateway}{path}'"
        )
    }

    /// Shows head and body of an answer of the gateway.
    pub(super) fn request(&self, path: &str, options: &str) -> String {
        format!("curl -sS -i -w '\\n' {options} 'http://{}{path}'", self.addresses.gateway)
            .replace("  ", " ")
    }

    /// Pays with a code minted at that moment.
    pub(super) fn pay(&self, path: &str, mint_options: &str) -> String {
        self.request(path, &format!("{AMOUNT} {}", self.fresh_code(mint_options)))
    }

    /// Pays, and asks the backend what became of it.
    pub(super) fn query_after(&self, options: &str) -> String {
        let pay = self.pay("/pay", "").replacen(" -i -w '\\n'", " -D - -o /dev/null", 1);
        let pay = pay.replacen(AMOUNT, format!("{options} {AMOUNT}").trim_start(), 1);
        let keep = "sed -n 's/^yanma-redemption: //p' | tr -d '\\r'";
        let query = self.request("/query", "-G -d \"redemption=$REDEMPTION\"");
        format!("REDEMPTION=$({pay} | {keep}) && {query}")
    }

    pub(super) fn inspect(&self) -> String {
        format!("{} inspect --keyring {}", self.yanma, self.keyring)
    }

    /// Shows all decisions.
    pub(super) fn audit(&self) -> String {
        format!("{} audit {}", self.yanma, self.record)
    }

    pub(super) fn list_keys(&self) -> String {
        format!("{} keys list --keyring {}", self.yanma, self.keyring)
    }

    /// Shows what the admin listener says.
    pub(super) fn admin(&self, path: &str) -> String {
        format!("curl -sSf http://{}{path}", self.addresses.admin)
    }

    pub(super) fn picture(&self) -> &str {
        &self.picture
    }
}

/// A path as one word.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+,:@%".contains(&byte);
    if text.bytes().all(is_plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_for_the_shell() {
        for (path, word) in [
            ("/opt/yanma-1.0/bin", "/opt/yanma-1.0/bin"),
            ("/home/a b", "'/home/a b'"),
            ("/it's $HOME", r"'/it'\''s $HOME'"),
            ("/家", "'/家'"),
        ] {
            assert_eq!(quoted(Path::new(path)), word);
        }
    }
}
