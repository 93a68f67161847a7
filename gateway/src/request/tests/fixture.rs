//! A node of one worker, without a socket: real configuration, keys, table and counters. Its clock
//! stands until the test moves it.

use accounts::Accounts;
use std::{
    future::Future,
    path::Path,
    pin::pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicUsize},
    },
    task::{Context, Poll, Waker},
};

use clock::{Clock, Hand};
use http::{HeaderName, HeaderValue, Method, Request, Version, header::HOST, request};
use keyring::{
    code::{Auth, IssuedAt, KeyId, Kind, Kinds, Region, Serial, Subject, UnverifiedCode},
    key::{IssuerKey, KeyState, KeyTerms, PassKey, PassKeyId, PassKeyState, PassKeys, PassSecret},
    key_set::KeySet,
    mint::{Minter, Spec},
    seal::SealSecret,
    suite::{PublicKey, SigningKey},
    time::UnixMillis,
    verify::{Rules, TimeRules, VerifiedCode},
};
use record::Record;
use replay::{Replay, directory::Tables};

use crate::{
    admin::page,
    code::clear::AccountStates,
    code::requests::CodeRequests,
    config::Config,
    http::names::{IDEMPOTENCY_KEY, YANMA_CODE},
    idempotency::{MessagesUnderWay, ResponseStore},
    metrics::{Metrics, WorkerId},
    readiness::Health,
    refusal::shape::Shape,
    request::context::RequestContext,
    snapshot::{Current, Snapshot},
    transport::body_memory::BodyMemory,
    upstream::endpoints::Endpoints,
    worker::{Shared, Worker},
};

pub(crate) const START_S: u32 = 1_800_000_000;
pub(crate) const START: UnixMillis = UnixMillis::from_seconds(1_800_000_000);
/// The configuration's own default.
pub(crate) const TIME: TimeRules = TimeRules { skew_ms: 2_000, display_days: 180 };
/// A payment code lives for a minute, and for the skew after it.
pub(crate) const LIFE_MS: u32 = 62_000;

const CONFIG: &str = "
[[backend]]
name = \"central\"
endpoints = [\"unix:/a\"]
[[backend]]
name = \"down\"
endpoints = [\"unix:/b\"]
maintenance = true
[[route]]
path = \"/pay\"
methods = [\"POST\"]
code = \"redeem\"
backend = \"central\"
[[route]]
path = \"/check\"
code = \"check\"
backend = \"central\"
[[route]]
path = \"/free\"
code = \"none\"
backend = \"central\"
[[route]]
path = \"/closed\"
code = \"none\"
backend = \"down\"
[[route]]
path = \"/face\"
code = \"redeem\"
min_auth = \"biometric\"
backend = \"central\"
[[route]]
path = \"/scan\"
code = \"exchange\"
backend = \"central\"
[[route]]
path = \"/visit\"
code = \"pass_check\"
backend = \"central\"
[[route]]
path = \"/visit-pay\"
code = \"pass\"
backend = \"central\"
[[route]]
path = \"/visit-face\"
code = \"pass\"
min_auth = \"biometric\"
backend = \"central\"
[[route]]
path = \"/face-check\"
code = \"check\"
min_auth = \"biometric\"
backend = \"central\"
";

/// A node that starts at [`START`].
pub(crate) struct Node {
    pub(crate) shared: Arc<Shared>,
    pub(crate) worker: Rc<Worker>,
    pub(crate) hand: Hand,
    /// As the accepting thread counts the worker's connections.
    pub(crate) connections: Arc<AtomicUsize>,
}

impl Node {
    pub(crate) fn new() -> Self {
        Self::with("")
    }

    /// With more lines of configuration, of the form `table.key = value`.
    pub(crate) fn with(lines: &str) -> Self {
        let (clock, hand) = Clock::hand_set(START);
        let (metrics, endpoints) = (Metrics::new(1), Endpoints::default());
        let snapshot = Snapshot::new(config(lines), keys(), &endpoints, &metrics);
        let keeps_accounts = snapshot.config().accounts.is_on();
        let accounts =
            keeps_accounts.then(|| AccountStates::new(Arc::new(Accounts::new(1_000, &[]))));
        let shared = Arc::new(Shared {
            clock,
            tables: Tables {
                codes: Replay::new(64, None).unwrap(),
                passes: Some(Replay::new(64, None).unwrap()),
            },
            pass_count: AtomicU8::new(0),
            responses: ResponseStore::new(),
            metrics,
            current: Current::new(snapshot),
            endpoints,
            health: Arc::new(Health::default()),
            record: Record::off(),
            bodies: Arc::<BodyMemory>::default(),
            accounts,
            codes: CodeRequests::new(1),
            messages: MessagesUnderWay::default(),
        });
        let connections = Arc::new(AtomicUsize::new(0));
        let ours = Arc::clone(&connections);
        let worker = Worker::new(WorkerId::new(0), Arc::clone(&shared), ours).unwrap();
        Self { shared, worker, hand, connections }
    }

    /// Puts another configuration in force.
    pub(crate) fn reload(&self, lines: &str) {
        let Shared { endpoints, metrics, current, .. } = &*self.shared;
        current.replace(Snapshot::new(config(lines), keys(), endpoints, metrics));
    }

    /// A request that begins.
    pub(crate) fn call(&self) -> RequestContext {
        RequestContext::new(Rc::clone(&self.worker), None, Version::HTTP_11, Shape::Problem)
    }

    /// What `/metrics` shows under a name with labels.
    pub(crate) fn sample(&self, name: &str) -> String {
        let page = page::render(&self.shared);
        let value = |line: &str| Some(line.strip_prefix(name)?.strip_prefix(' ')?.to_owned());
        page.lines().find_map(value).unwrap_or_else(|| panic!("{name} in\n{page}"))
    }

    /// How many requests of a route had this outcome.
    pub(crate) fn outcomes(&self, route: &str, outcome: &str) -> String {
        self.sample(&format!("yanma_requests_total{{route=\"{route}\",outcome=\"{outcome}\"}}"))
    }

    /// How often a limit was met.
    pub(crate) fn limit_hits(&self, limit: &str) -> String {
        self.sample(&format!("yanma_limit_hits_total{{limit=\"{limit}\"}}"))
    }
}

fn config(lines: &str) -> Config {
    let text = format!("replay.store = \"local\"\nserver.workers = 1\n{lines}\n{CONFIG}");
    Config::parse(&text, Path::new("/"), Path::new("test")).unwrap()
}

/// What is said on a code. [`FRESH`] is issued at [`START`] by the key that the node trusts.
#[derive(Copy, Clone)]
pub(crate) struct Code {
    pub(crate) kind: Kind,
    pub(crate) auth: Auth,
    pub(crate) issued_at_s: u32,
    pub(crate) serial: u64,
    pub(crate) is_forged: bool,
}

pub(crate) const FRESH: Code = Code {
    kind: Kind::Payment,
    auth: Auth::Password,
    issued_at_s: START_S,
    serial: 1,
    is_forged: false,
};

impl Code {
    fn mint(self) -> UnverifiedCode {
        let id = KeyId::new(7001).unwrap();
        let signing_key = signing_key(if self.is_forged { 8 } else { 7 });
        let minter = Minter::new(id, signing_key, SealSecret::new([1; 32]).derive(id));
        let spec = Spec {
            kind: self.kind,
            issued_at: IssuedAt::new(self.issued_at_s),
            region: Region::new(370_100).unwrap(),
            auth: self.auth,
            subject: Subject::new(42).unwrap(),
            epoch: 1,
            relation: 0,
        };
        minter.mint(&spec, Serial::new(self.serial))
    }

    /// As a scanner sends it.
    pub(crate) fn text(self) -> String {
        String::from_utf8(self.mint().to_digits().to_vec()).unwrap()
    }

    /// Proven at the moment of its issue.
    pub(crate) fn verified(self) -> VerifiedCode {
        let rules = Rules { kinds: Kinds::PAYMENT, time: TIME, recognise_late: false };
        let at = IssuedAt::new(self.issued_at_s).millis();
        keys().verify(&self.mint(), &rules, at).unwrap()
    }
}

pub(crate) fn keys() -> KeySet {
    let id = PassKeyId::new(1).unwrap();
    let pass_key = PassKey::new(id, PassKeyState::Active, &PassSecret::new([9; 32]));
    let keys = KeySet::new(vec![issuer_key()]).unwrap();
    keys.with_pass_keys(PassKeys::new(vec![pass_key]).unwrap())
}

/// Key 7001 of the channel wechat, active.
pub(crate) fn issuer_key() -> IssuerKey {
    let id = KeyId::new(7001).unwrap();
    let terms = KeyTerms {
        id,
        channel: "wechat".parse().unwrap(),
        state: KeyState::Active,
        not_before: UnixMillis::new(0),
        not_after: UnixMillis::from_seconds(1_900_000_000),
        environment: "test".to_owned(),
    };
    let seal_key = SealSecret::new([1; 32]).derive(id);
    IssuerKey::new(terms, PublicKey::from(&signing_key(7)), seal_key).unwrap()
}

fn signing_key(secret: u8) -> SigningKey {
    SigningKey::from_slice(&[secret; 32]).unwrap()
}

/// A request's head.
pub(crate) struct Asked(request::Parts);

impl Asked {
    /// HTTP/1.1 without any header.
    pub(crate) fn bare(method: &str, target: &str) -> Self {
        let request = Request::builder().method(method).uri(target).body(()).unwrap();
        Self(request.into_parts().0)
    }

    /// With the `Host` that HTTP/1.1 wants.
    pub(crate) fn new(method: &str, target: &str) -> Self {
        Self::bare(method, target).field(HOST, "his.example")
    }

    pub(crate) fn post(target: &str) -> Self {
        Self::new(Method::POST.as_str(), target)
    }

    /// With one more line.
    pub(crate) fn field(mut self, name: HeaderName, value: &str) -> Self {
        self.0.headers.append(name, HeaderValue::from_str(value).unwrap());
        self
    }

    pub(crate) fn code(self, code: Code) -> Self {
        self.field(YANMA_CODE, &code.text())
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.field(IDEMPOTENCY_KEY, key)
    }

    pub(crate) fn version(mut self, version: Version) -> Self {
        self.0.version = version;
        self
    }

    pub(crate) fn head(&self) -> &request::Parts {
        &self.0
    }

    pub(crate) fn into_head(self) -> request::Parts {
        self.0
    }
}

/// The result of a future that waits for nothing.
#[track_caller]
pub(crate) fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}
