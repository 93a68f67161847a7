//! What a request needs and where it goes: the part of a route that is one answer for one request.

use keyring::code::{Kind, Kinds};

use super::backend::BackendConfig;
use crate::config::region::RegionPrefix;
use crate::config::table::{Item, Table};
use crate::limits;

/// What a route does with a code.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum CodeUse {
    /// Verifies and redeems it: money may move.
    Redeem,
    /// Verifies it and does not redeem it.
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

/// What a request needs, and where it goes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RuleConfig {
    /// What is done with a code.
    pub code: CodeUse,
    /// The accepted kinds of code; none where no code is read.
    pub kinds: Kinds,
    /// The weakest authentication that is accepted.
    pub min_auth: MinAuth,
    /// Whether the person must have chosen a place of insurance.
    pub require_region: bool,
    /// Places that are open; `None`: all.
    pub open_regions: Option<Vec<RegionPrefix>>,
    /// An index into the backends.
    pub backend: usize,
    /// Places with a backend of their own, by index; the longest prefix first.
    pub region_backends: Vec<(RegionPrefix, usize)>,
}

impl RuleConfig {
    /// All backends that a request may be sent to, by index.
    pub(super) fn backends(&self) -> impl Iterator<Item = usize> {
        let regional = self.region_backends.iter().map(|(_, backend)| *backend);
        std::iter::once(self.backend).chain(regional)
    }

    /// Reads the keys of a rule. A value that could not be read gets a default that later rules
    /// accept.
    pub(super) fn read(table: &mut Table<'_>, backends: &[BackendConfig]) -> Self {
        let code = code_use(table);
        let names: Vec<&str> = backends.iter().map(|backend| backend.name.as_str()).collect();
        let allowed = format!("the name of a backend: {}", names.join(", "));
        let find = |name: &str| names.iter().position(|other| *other == name);
        let rule = Self {
            code: code.unwrap_or(CodeUse::Check),
            kinds: kinds(table, code),
            min_auth: table.string("min_auth", min_auth, MIN_AUTHS).unwrap_or(MinAuth::None),
            require_region: table.boolean("require_region", code != Some(CodeUse::None)),
            open_regions: open_regions(table),
            backend: table.required("backend", find, &allowed).unwrap_or_default(),
            region_backends: region_backends(table.table("region_backends"), find, &allowed),
        };
        if code == Some(CodeUse::None) {
            check_asks_nothing(table, &rule);
        }
        rule
    }
}

fn code_use(table: &mut Table<'_>) -> Option<CodeUse> {
    const ALLOWED: &str = "\"redeem\", \"check\" or \"none\"";
    table.missing("code", ALLOWED);
    let item = table.item("code")?;
    match item.string() {
        Some("redeem") => return Some(CodeUse::Redeem),
        Some("check") => return Some(CodeUse::Check),
        Some("none") => return Some(CodeUse::None),
        Some("exchange" | "pass") => item.refuse(&format!("{ALLOWED}; this word is reserved")),
        _ => item.refuse(ALLOWED),
    }
    None
}

fn kinds(table: &mut Table<'_>, code: Option<CodeUse>) -> Kinds {
    let Some(items) = table.items("kinds", 2) else {
        return if code == Some(CodeUse::None) { Kinds::NONE } else { Kinds::PAYMENT };
    };
    let read = |kinds: Kinds, item: Item<'_>| match item.string().and_then(|text| text.parse().ok())
    {
        Some(Kind::Display) if code == Some(CodeUse::Redeem) => {
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
        ("require_region", rule.require_region),
        ("open_regions", rule.open_regions.is_some()),
        ("region_backends", !rule.region_backends.is_empty()),
    ];
    for (key, _) in asked.into_iter().filter(|(_, asked)| *asked) {
        let name = table.name();
        table.problem(&format!("{name}.{key}: a route with code = \"none\" sees no code to ask"));
    }
}
