//! Where a request's body says what it is: the pointers of a route, and the rule of each infno.

use body::{At, CertType, Charset, InfnoTable, Pointer, Pointers};

use super::rule::RuleConfig;
use crate::config::sections::backend::BackendConfig;
use crate::config::table::{Item, Table};
use crate::limits;

/// What a route reads in bodies.
#[derive(Clone, Debug)]
pub struct MessageConfig {
    /// In which characters the backend reads the body.
    pub charset: Charset,
    /// All that is read, in whatever rule.
    pub pointers: Pointers,
    /// What the messages of a route without infno need.
    pub places: Places,
    /// The rules of a route whose messages name what they are.
    pub infno: Option<InfnoConfig>,
}

/// The rules of a route by the number that a message names.
#[derive(Clone, Debug)]
pub struct InfnoConfig {
    /// Where the number stands.
    pub at: At,
    /// The name of the field that holds it.
    pub name: String,
    /// Indexes into `rules`.
    pub table: InfnoTable<usize>,
    /// Each rule of the table.
    pub rules: Vec<MessageRule>,
}

/// What a message with a number of the table needs.
#[derive(Clone, Debug)]
pub struct MessageRule {
    /// Its key in the table: a label of metrics.
    pub key: String,
    /// What it needs, and where it goes.
    pub rule: RuleConfig,
    /// Where its parts stand.
    pub places: Places,
}

/// Where the parts of a message stand. `None`: it has no such part.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// The code or pass.
    pub code: Option<At>,
    /// Whether there is a code.
    pub cert_type: Option<CertType>,
    /// The institution that a pass is bound to.
    pub institution: Option<At>,
    /// The message's own id.
    pub msgid: Option<At>,
    /// The id of the message that it reverses.
    pub reverses: Option<At>,
}

const CHARSETS: &str = "\"utf-8\", \"gbk\" or \"declared\"";
const POINTER: &str = "a pointer of 1 to 8 names, such as \"/input/data/mdtrt_cert_no\"";
const CERT_TYPE: &str = "{ at = a pointer, code = [..], none = [..] }, each value in one list";
const RULE: &str = "\"pass\" and the like, or a table with `code` and the keys that differ";

impl MessageConfig {
    /// Whether a message may reverse another.
    pub(super) fn reverses(&self) -> bool {
        let of_rules = self.infno.iter().flat_map(|infno| &infno.rules).map(|rule| &rule.places);
        of_rules.chain([&self.places]).any(|places| places.reverses.is_some())
    }

    /// `None`: the route reads no body. `defaults` is what holds where a rule says nothing.
    pub(super) fn read(
        table: &mut Table<'_>,
        defaults: &RuleConfig,
        backends: &[BackendConfig],
    ) -> Option<Self> {
        let mut pointers = Pointers::default();
        let charset = table.string("charset", |text| text.parse().ok(), CHARSETS);
        let infno_at = pointer(table, "infno_at");
        let places = Places::default().read(table, &mut pointers);
        let rules = table.table("infno");
        let entries = rules.entries(limits::INFNOS_MAX);
        if infno_at.is_none() {
            places.check(table, defaults);
        }
        let infno = match (infno_at, entries.is_empty()) {
            (Some(at), false) => {
                let name = at.name().to_owned();
                let at = pointers.add(&at);
                let reader = RuleReader { defaults, places: &places, backends };
                let (table, rules) = reader.read_all(&rules, entries, &mut pointers);
                Some(InfnoConfig { at, name, table, rules })
            }
            (None, true) => None,
            (Some(_), true) => {
                table.missing("infno", "a table [route.infno], as there is an infno_at");
                None
            }
            (None, false) => {
                table.missing("infno_at", &format!("{POINTER}, as there is a [route.infno]"));
                None
            }
        };
        let reads = !pointers.is_empty();
        if charset.is_some() && !reads {
            let name = table.name();
            table.problem(&format!("{name}.charset: the route reads nothing in bodies"));
        }
        reads.then(|| Self { charset: charset.unwrap_or(Charset::Utf8), pointers, places, infno })
    }
}

/// What the rules of one route have in common.
struct RuleReader<'a> {
    defaults: &'a RuleConfig,
    places: &'a Places,
    backends: &'a [BackendConfig],
}

impl RuleReader<'_> {
    fn read_all(
        &self,
        rules: &Table<'_>,
        entries: Vec<(&str, Item<'_>)>,
        pointers: &mut Pointers,
    ) -> (InfnoTable<usize>, Vec<MessageRule>) {
        let mut read = Vec::with_capacity(entries.len());
        for (key, item) in entries {
            let (rule, places) = self.read_one(&item, pointers);
            if key == "*" && rule.needs_credential() {
                item.refuse(
                    "\"none\": a number that nobody listed cannot be known to carry a code",
                );
            }
            read.push(MessageRule { key: key.to_owned(), rule, places });
        }
        let keys = read.iter().enumerate().map(|(index, rule)| (rule.key.clone(), index));
        let table = InfnoTable::new(keys).unwrap_or_else(|bad| {
            rules.problem(&format!("{}: {bad}", rules.name()));
            InfnoTable::new(Vec::<(String, usize)>::new()).expect("no key is bad")
        });
        (table, read)
    }

    fn read_one(&self, item: &Item<'_>, pointers: &mut Pointers) -> (RuleConfig, Places) {
        if let Some(word) = item.string() {
            let Some(rule) = self.defaults.with_use(word) else {
                item.refuse(RULE);
                return (self.defaults.clone(), self.places.clone());
            };
            return (rule, self.places.clone());
        }
        let mut table = item.table();
        let rule = RuleConfig::read_over(self.defaults, &mut table, self.backends);
        let places = self.places.read(&mut table, pointers);
        places.check(&table, &rule);
        table.finish();
        (rule, places)
    }
}

impl Places {
    /// Those of a table; what it does not name stays.
    fn read(&self, table: &mut Table<'_>, pointers: &mut Pointers) -> Self {
        let mut place = |key: &'static str, before: Option<At>| {
            pointer(table, key).map(|pointer| pointers.add(&pointer)).or(before)
        };
        let code = place("code_at", self.code);
        let institution = place("institution_at", self.institution);
        let msgid = place("msgid_at", self.msgid);
        let reverses = place("reverses_at", self.reverses);
        let cert_type = cert_type(table, pointers).or_else(|| self.cert_type.clone());
        Self { code, cert_type, institution, msgid, reverses }
    }

    /// Refuses to hold back a request with a code: its person would wait.
    fn check(&self, table: &Table<'_>, rule: &RuleConfig) {
        if self.reverses.is_some() && rule.needs_credential() {
            let text = "only with code = \"none\": a reversal carries no code";
            table.problem(&format!("{}.reverses_at: {text}", table.name()));
        }
    }
}

fn pointer(table: &mut Table<'_>, key: &'static str) -> Option<Pointer> {
    table.string(key, |text| text.parse().ok(), POINTER)
}

fn cert_type(table: &mut Table<'_>, pointers: &mut Pointers) -> Option<CertType> {
    let item = table.item("cert_type")?;
    let mut keys = item.table();
    let at = pointer(&mut keys, "at");
    let mut words = |key: &'static str| {
        let items = keys.items(key, limits::CERT_TYPES_MAX).unwrap_or_default();
        items.iter().filter_map(|item| item.string().map(str::to_owned)).collect::<Vec<_>>()
    };
    let (code, none) = (words("code"), words("none"));
    keys.finish();
    let made = at.and_then(|at| CertType::new(pointers, &at, code, none).ok());
    if made.is_none() {
        item.refuse(CERT_TYPE);
    }
    made
}
