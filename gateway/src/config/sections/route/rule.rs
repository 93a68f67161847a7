//! What a request needs and where it goes: the part of a route that is one answer for one request.

use keyring::code::{Kind, Kinds};

use crate::config::region::RegionPrefix;
use crate::config::sections::backend::BackendConfig;
use crate::config::sections::refusals;
use crate::config::table::{Item, Table};
use crate::limits;
use crate::refusal::shape::{Shape, Unknown};

/// What a route does with a code.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum CodeUse {
    /// Verifies and redeems it: money may move.
    Redeem,
    /// Verifies it, redeems it, and gives a pass for it.
    Exchange,
    /// Verifies it and does not redeem it.
    Check,
    /// Reads none.
    None,
}

/// What a route does with a pass.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum PassUse {
    /// Opens it and spends it: money may move.
    Spend,
    /// Opens it and does not spend it.
    Check,
    /// Reads none.
    None,
}

/// How strongly the holder must have proved presence.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum MinAuth {
    /// Not at all.
    None,
    /// By the payment password, or better.
    Password,
    /// By fingerprint or face.
    Biometric,
}

/// What is done with the national platform's opaque codes, which no key of ours proves.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Opaque {
    /// Refused: `code_not_served`.
    Refuse,
    /// Let pass once in 460 s, unverified. Foreign tokens pass in place of a pass.
    Reserve,
}

/// What a request needs, and where it goes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RuleConfig {
    /// What is done with a code.
    pub code: CodeUse,
    /// What is done with a pass.
    pub pass: PassUse,
    /// The accepted kinds of code; none where no code is read.
    pub kinds: Kinds,
    /// The weakest authentication that is accepted.
    pub min_auth: MinAuth,
    /// What is done with opaque codes and foreign tokens.
    pub opaque: Opaque,
    /// Whether the person must have chosen a place of insurance.
    pub require_region: bool,
    /// Places that are open; `None`: all.
    pub open_regions: Option<Vec<RegionPrefix>>,
    /// An index into the backends. `None`: the gateway answers itself. Only a route that exchanges
    /// codes does.
    pub backend: Option<usize>,
    /// Places with a backend of their own, by index; the longest prefix first.
    pub region_backends: Vec<(RegionPrefix, usize)>,
    /// The shape of each refusal.
    pub refusals: Shape,
    /// How an unknown outcome is told, where a code was spent.
    pub unknown: Unknown,
    /// What would be refused for its code or pass is refused. Else it is only observed, and forwarded.
    pub enforce: bool,
    /// Whether the state of the person's account is asked. Only a rule that spends nothing can leave
    /// it out.
    pub asks_accounts: bool,
    /// How old that state may be; `None`: as `[accounts]` says.
    pub accounts_stale_ms: Option<u32>,
}

impl RuleConfig {
    /// Whether a request can spend a code or a pass.
    pub fn spends(&self) -> bool {
        matches!(self.code, CodeUse::Redeem | CodeUse::Exchange) || self.pass == PassUse::Spend
    }

    /// Whether passes are made, opened or spent.
    pub fn takes_passes(&self) -> bool {
        self.code == CodeUse::Exchange || self.pass != PassUse::None
    }

    /// Whether a request needs a code or a pass.
    pub fn needs_credential(&self) -> bool {
        self.code != CodeUse::None || self.pass != PassUse::None
    }

    /// All backends that a request may be sent to, by index.
    pub(super) fn backends(&self) -> impl Iterator<Item = usize> {
        let regional = self.region_backends.iter().map(|(_, backend)| *backend);
        self.backend.into_iter().chain(regional)
    }

    /// Reads the keys of a rule. A value that could not be read gets a default that later rules
    /// accept.
    pub(super) fn read(table: &mut Table<'_>, backends: &[BackendConfig]) -> Self {
        let uses = uses(table);
        let rule = Self::read_with(table, uses, backends, None);
        rule.check(table, uses);
        rule
    }

    /// What the rules of a route have in common whose messages say what they are. It takes no code
    /// itself.
    pub(super) fn read_defaults(table: &mut Table<'_>, backends: &[BackendConfig]) -> Self {
        if let Some(item) = table.item("code") {
            item.refuse("left out where there is a [route.infno]: each infno has its own");
        }
        let defaults = Self::read_with(table, Some(DEFAULTS), backends, None);
        defaults.check_opaque(table);
        defaults
    }

    /// The rule of an infno: `defaults` where the table says nothing.
    pub(super) fn read_over(
        defaults: &Self,
        table: &mut Table<'_>,
        backends: &[BackendConfig],
    ) -> Self {
        let uses = uses(table);
        let rule = Self::read_with(table, uses, backends, Some(defaults));
        rule.check(table, uses);
        rule
    }

    /// The same of one word. `None`: it is no use.
    pub(super) fn with_use(&self, word: &str) -> Option<Self> {
        let (code, pass) = one_use(word)?;
        let mut rule = Self { code, pass, ..self.clone() };
        rule.ask_only_what_is_shown();
        Some(rule)
    }

    /// Without a code or pass nothing can be asked of one.
    fn ask_only_what_is_shown(&mut self) {
        if self.code == CodeUse::None {
            self.kinds = Kinds::NONE;
        }
        if !self.needs_credential() {
            self.min_auth = MinAuth::None;
            self.opaque = Opaque::Refuse;
            self.require_region = false;
            self.open_regions = None;
            self.region_backends = Vec::new();
            self.enforce = true;
        }
        if !self.spends() {
            self.unknown = Unknown::Answer;
        }
        if self.spends() || !self.needs_credential() {
            self.asks_accounts = self.needs_credential();
        }
        if !self.needs_credential() {
            self.accounts_stale_ms = None;
        }
    }

    fn read_with(
        table: &mut Table<'_>,
        uses: Option<Uses>,
        backends: &[BackendConfig],
        defaults: Option<&Self>,
    ) -> Self {
        let names: Vec<&str> = backends.iter().map(|backend| backend.name.as_str()).collect();
        let allowed = format!("the name of a backend: {}", names.join(", "));
        let find = |name: &str| names.iter().position(|other| *other == name);
        let backend = match (answer(table), defaults) {
            (Answer::Decode, _) => {
                if let Some(item) = table.item("backend") {
                    item.refuse(ANSWERED_HERE);
                }
                None
            }
            (Answer::Backend, Some(defaults)) => {
                table.string("backend", find, &allowed).or(defaults.backend)
            }
            (Answer::Backend, None) => {
                Some(table.required("backend", find, &allowed).unwrap_or_default())
            }
        };
        let (code, pass) = uses.unwrap_or((CodeUse::Check, PassUse::None));
        let needs = (code, pass) != NOTHING;
        let mut rule = Self {
            code,
            pass,
            kinds: kinds(table, uses),
            min_auth: table.string("min_auth", min_auth, MIN_AUTHS).unwrap_or(MinAuth::None),
            opaque: table.string("opaque", opaque, OPAQUES).unwrap_or(Opaque::Refuse),
            require_region: table.boolean("require_region", needs),
            open_regions: open_regions(table),
            backend,
            region_backends: region_backends(table.table("region_backends"), find, &allowed),
            refusals: refusals::shape(table),
            unknown: refusals::unknown(table),
            enforce: table.boolean("enforce", true),
            asks_accounts: table.string("accounts", asks_accounts, ACCOUNTS).unwrap_or(needs),
            accounts_stale_ms: accounts_stale_ms(table),
        };
        if let Some(defaults) = defaults {
            rule.inherit(defaults, table);
        }
        rule
    }

    /// Takes from `defaults` what the table does not name.
    fn inherit(&mut self, defaults: &Self, table: &Table<'_>) {
        let (code, pass) = (self.code, self.pass);
        let mut inherited = Self { code, pass, ..defaults.clone() };
        inherited.ask_only_what_is_shown();
        macro_rules! inherit {
            ($($key:literal $field:ident),*) => {
                $(if !table.has($key) { self.$field = inherited.$field; })*
            };
        }
        inherit!(
            "kinds" kinds, "min_auth" min_auth, "opaque" opaque, "require_region" require_region,
            "open_regions" open_regions, "region_backends" region_backends,
            "refusals" refusals, "unknown" unknown, "enforce" enforce,
            "accounts" asks_accounts, "accounts_stale_ms" accounts_stale_ms
        );
    }

    /// Nothing is known of how the holder of an opaque code proved presence.
    fn check_opaque(&self, table: &Table<'_>) {
        if self.opaque == Opaque::Reserve && self.min_auth != MinAuth::None {
            table.problem(&format!(
                "{}.opaque = \"reserve\": an opaque code shows no authentication; it needs min_auth = \
                 \"none\"",
                table.name()
            ));
        }
    }

    /// Refuses what cannot be asked of what is shown.
    fn check(&self, table: &Table<'_>, uses: Option<Uses>) {
        let name = table.name();
        self.check_opaque(table);
        if uses == Some(NOTHING) {
            check_asks_nothing(table, self);
        } else if uses.is_some() && self.code == CodeUse::None && self.kinds != Kinds::NONE {
            table
                .problem(&format!("{name}.kinds: a route that reads no code has no kinds of code"));
        }
        if uses.is_some() && !self.spends() && self.unknown == Unknown::Cut {
            table
                .problem(&format!("{name}.unknown = \"cut\": only a route that spends codes cuts"));
        }
        if uses.is_some() && self.backend.is_none() {
            self.check_answers_itself(table);
        }
        if uses.is_some() && self.spends() {
            self.check_asks_accounts(table);
        }
    }

    /// What spends a code or pass always asks for its account, and takes no old answer.
    fn check_asks_accounts(&self, table: &Table<'_>) {
        let name = table.name();
        if !self.asks_accounts {
            let text = "only a route that spends nothing may leave the account out";
            table.problem(&format!("{name}.accounts = \"ignore\": {text}"));
        }
        let fresh = limits::ACCOUNTS_STALE_MS;
        if self.accounts_stale_ms.is_some_and(|stale_ms| !fresh.allows(u64::from(stale_ms))) {
            table.problem(&format!(
                "{name}.accounts_stale_ms: must be {fresh} on a route that spends codes or passes"
            ));
        }
    }

    /// Refuses what a route cannot do that has no backend.
    fn check_answers_itself(&self, table: &Table<'_>) {
        let name = table.name();
        if (self.code, self.pass) != (CodeUse::Exchange, PassUse::None) {
            let text =
                "only a route with code = \"exchange\" answers itself: it has a pass to give";
            table.problem(&format!("{name}.answer = \"decode\": {text}"));
        }
        if !self.enforce {
            let text = "not with answer = \"decode\": there is nothing to forward";
            table.problem(&format!("{name}.enforce = false: {text}"));
        }
        if self.opaque == Opaque::Reserve {
            let text = "must be \"refuse\" where answer = \"decode\": an opaque code gets no pass";
            table.problem(&format!("{name}.opaque: {text}"));
        }
        if table.has("region_backends") {
            table.problem(&format!("{name}.region_backends: must be {ANSWERED_HERE}"));
        }
    }
}

const ANSWERED_HERE: &str = "left out where answer = \"decode\": the gateway answers itself";

/// Who answers.
#[derive(Copy, Clone)]
enum Answer {
    Backend,
    /// The gateway, with what a decoded code is.
    Decode,
}

fn answer(table: &mut Table<'_>) -> Answer {
    let read = |text: &str| match text {
        "backend" => Some(Answer::Backend),
        "decode" => Some(Answer::Decode),
        _ => None,
    };
    table.string("answer", read, "\"backend\" or \"decode\"").unwrap_or(Answer::Backend)
}

/// What is done with codes and passes.
type Uses = (CodeUse, PassUse);

const NOTHING: Uses = (CodeUse::None, PassUse::None);
/// What a route with infnos is read as, so that its keys may ask anything of its rules.
const DEFAULTS: Uses = (CodeUse::Redeem, PassUse::Spend);

const USES: &str = "\"redeem\", \"check\", \"exchange\", \"pass\", \"pass_check\" or \"none\", or an \
                    array of one for codes and one for passes, such as [\"pass\", \"redeem\"]";

fn uses(table: &mut Table<'_>) -> Option<Uses> {
    table.missing("code", USES);
    let item = table.item("code")?;
    let uses = match item.strings() {
        None => item.string().and_then(one_use),
        Some(words) => pair(&words),
    };
    if uses.is_none() {
        item.refuse(USES);
    }
    uses
}

fn one_use(word: &str) -> Option<Uses> {
    Some(match word {
        "redeem" => (CodeUse::Redeem, PassUse::None),
        "check" => (CodeUse::Check, PassUse::None),
        "exchange" => (CodeUse::Exchange, PassUse::None),
        "pass" => (CodeUse::None, PassUse::Spend),
        "pass_check" => (CodeUse::None, PassUse::Check),
        "none" => (CodeUse::None, PassUse::None),
        _ => return None,
    })
}

/// One word for codes and one for passes, in either order.
fn pair(words: &[&str]) -> Option<Uses> {
    let [first, second] = words else { return None };
    match (one_use(first)?, one_use(second)?) {
        ((CodeUse::None, pass), (code, PassUse::None))
        | ((code, PassUse::None), (CodeUse::None, pass))
            if code != CodeUse::None && pass != PassUse::None =>
        {
            Some((code, pass))
        }
        _ => None,
    }
}

fn kinds(table: &mut Table<'_>, uses: Option<Uses>) -> Kinds {
    let code = uses.map(|(code, _)| code);
    let Some(items) = table.items("kinds", 2) else {
        return if code == Some(CodeUse::None) { Kinds::NONE } else { Kinds::PAYMENT };
    };
    let read = |kinds: Kinds, item: Item<'_>| match item.string().and_then(|text| text.parse().ok())
    {
        Some(Kind::Display) if matches!(code, Some(CodeUse::Redeem | CodeUse::Exchange)) => {
            item.refuse("\"payment\" on a redeem route: a display code never pays");
            kinds
        }
        Some(kind) => kinds.with(kind),
        None => {
            item.refuse("\"payment\" or \"display\"");
            kinds
        }
    };
    items.into_iter().fold(Kinds::NONE, read)
}

const MIN_AUTHS: &str = "\"none\", \"password\" or \"biometric\"";

fn min_auth(text: &str) -> Option<MinAuth> {
    match text {
        "none" => Some(MinAuth::None),
        "password" => Some(MinAuth::Password),
        "biometric" => Some(MinAuth::Biometric),
        _ => None,
    }
}

const ACCOUNTS: &str = "\"ask\" or \"ignore\"";

fn asks_accounts(text: &str) -> Option<bool> {
    match text {
        "ask" => Some(true),
        "ignore" => Some(false),
        _ => None,
    }
}

fn accounts_stale_ms(table: &mut Table<'_>) -> Option<u32> {
    let key = "accounts_stale_ms";
    let is_there = table.has(key);
    let stale_ms = table.number(key, limits::ACCOUNTS_CHECK_STALE_MS);
    is_there.then_some(stale_ms)
}

const OPAQUES: &str = "\"refuse\" or \"reserve\"";

fn opaque(text: &str) -> Option<Opaque> {
    match text {
        "refuse" => Some(Opaque::Refuse),
        "reserve" => Some(Opaque::Reserve),
        _ => None,
    }
}

fn open_regions(table: &mut Table<'_>) -> Option<Vec<RegionPrefix>> {
    let items = table.items("open_regions", limits::REGIONS_MAX)?;
    let mut prefixes: Vec<RegionPrefix> = Vec::new();
    for item in items {
        let prefix: Option<RegionPrefix> = item.string().and_then(|text| text.parse().ok());
        match prefix.filter(|prefix| !prefixes.contains(prefix)) {
            Some(prefix) => prefixes.push(prefix),
            None => item.refuse(&format!("{}, each once", RegionPrefix::ALLOWED)),
        }
    }
    Some(prefixes)
}

fn region_backends(
    table: Table<'_>,
    find: impl Fn(&str) -> Option<usize>,
    allowed: &str,
) -> Vec<(RegionPrefix, usize)> {
    let mut backends = Vec::new();
    for (prefix, item) in table.entries(limits::REGIONS_MAX) {
        match (prefix.parse::<RegionPrefix>(), item.string().and_then(&find)) {
            (Ok(prefix), Some(backend)) => backends.push((prefix, backend)),
            (Err(_), _) => item.refuse_key(RegionPrefix::ALLOWED),
            (Ok(_), None) => item.refuse(allowed),
        }
    }
    backends.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.digits()));
    backends
}

/// Refuses a demand that the rule cannot check, because it would look like protection.
fn check_asks_nothing(table: &Table<'_>, rule: &RuleConfig) {
    let asked = [
        ("kinds", rule.kinds != Kinds::NONE),
        ("min_auth", rule.min_auth != MinAuth::None),
        ("opaque", rule.opaque == Opaque::Reserve),
        ("require_region", rule.require_region),
        ("open_regions", rule.open_regions.is_some()),
        ("region_backends", !rule.region_backends.is_empty()),
        ("enforce", !rule.enforce),
        ("accounts", rule.asks_accounts),
        ("accounts_stale_ms", rule.accounts_stale_ms.is_some()),
    ];
    for (key, _) in asked.into_iter().filter(|(_, asked)| *asked) {
        let name = table.name();
        table.problem(&format!("{name}.{key}: a route with code = \"none\" sees no code to ask"));
    }
}
