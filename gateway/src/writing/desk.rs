//! What a request to the API needs, and which page answers it.

use std::{cell::RefCell, sync::Arc};

use accounts::{Accounts, store::Store};
use bytes::Bytes;
use clock::Clock;
use http::{Method, Request, Response, StatusCode, request::Parts};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use keyring::code::Subject;
use record::AccountPlace;
use serde::Serialize;
use tokio::{sync::Mutex, time::timeout};

use super::{
    answer::{self, Body, Problem, json},
    caller::Caller,
    changes, export, import,
    rates::Rates,
};
use crate::{
    config::{Right, WriterConfig},
    limits::{WRITING_BODY_BYTES_MAX, WRITING_BODY_TIME},
    metrics::ChangeResult,
    snapshot::Snapshot,
    worker::Shared,
};

/// What all requests share. It never leaves its thread.
pub(super) struct Desk {
    shared: Arc<Shared>,
    store: Store,
    rates: RefCell<Rates>,
    /// Held by the import that runs.
    import: Mutex<()>,
}

impl Desk {
    pub(super) fn new(shared: Arc<Shared>, store: Store) -> Self {
        Self { shared, store, rates: RefCell::default(), import: Mutex::new(()) }
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    pub(super) fn import(&self) -> &Mutex<()> {
        &self.import
    }

    fn accounts(&self) -> &Arc<Accounts> {
        let states = self.shared.accounts.as_ref().expect("the API is there with the states alone");
        states.accounts()
    }

    pub(super) fn stale_ms(&self) -> u32 {
        self.shared.current.load().config().accounts.stale_ms
    }

    /// How old what is held is; `None`: it was never proved fresh, or may not be all.
    pub(super) fn staleness_ms(&self) -> Option<i64> {
        let boot_ns = self.clock().reading().boot_ns;
        self.accounts().staleness_ns(boot_ns).map(|ns| ns / 1_000_000)
    }

    /// # Errors
    /// `rate_limited`.
    pub(super) fn count(&self, writer: &WriterConfig, of: (usize, usize)) -> Result<(), Problem> {
        self.rates.borrow_mut().count(writer, of, self.clock().reading().boot_ns)
    }

    /// Counts what came of changes of this name.
    pub(super) fn count_result(&self, operation: &str, result: ChangeResult, changes: usize) {
        let changes = u64::try_from(changes).unwrap_or(u64::MAX);
        self.shared.metrics.account_changes.add(operation, result, changes);
    }

    /// # Errors
    /// `not_recordable`.
    pub(super) fn reserve_record(&self) -> Result<AccountPlace, Problem> {
        self.shared.record.reserve_account_event().ok_or_else(|| {
            let detail = "the decision record cannot be written, and record.when_full is refuse";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not_recordable", detail)
        })
    }

    /// Answers a request. Cancel safe but for changes: those that were sent to the store are made.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let current = self.shared.current.load();
        self.find(&current, &head, body).await.unwrap_or_else(|problem| answer::problem(&problem))
    }

    async fn find(
        &self,
        current: &Snapshot,
        head: &Parts,
        body: Incoming,
    ) -> Result<Response<Body>, Problem> {
        let caller = Caller::read(&head.headers, &current.config().accounts)?;
        match head.uri.path() {
            "/accounts/changes" => {
                check_method(&head.method, "POST")?;
                changes::make(self, &caller, &read(body).await?).await
            }
            "/accounts/import" => {
                check_method(&head.method, "POST")?;
                caller.check_may(Right::Import)?;
                import::merge(self, &caller, &read(body).await?).await
            }
            "/accounts/export" => {
                check_method(&head.method, "GET")?;
                caller.check_may(Right::Export)?;
                Ok(export::all(self.accounts().table()))
            }
            path => match path.strip_prefix("/accounts/").map(str::parse) {
                Some(Ok(subject)) => {
                    check_method(&head.method, "GET")?;
                    caller.check_may(Right::Show)?;
                    self.show(subject).await
                }
                _ => Err(Problem::new(StatusCode::NOT_FOUND, "not_found", PAGES)),
            },
        }
    }

    async fn show(&self, subject: Subject) -> Result<Response<Body>, Problem> {
        let held = self.store.read(subject).await?;
        let entry = |held: &accounts::change::Held| EntryShown {
            facet: held.entry.facet().to_string(),
            value: held.entry.value().to_string(),
            number: held.number.to_string(),
        };
        let mut entries: Vec<_> = held.iter().map(entry).collect();
        entries.sort_by(|one, other| one.facet.cmp(&other.facet));
        Ok(json(StatusCode::OK, &Shown { subject: subject.to_string(), entries }))
    }
}

const PAGES: &str = "there are POST /accounts/changes, GET /accounts/<subject>, POST \
                     /accounts/import and GET /accounts/export";

#[derive(Serialize)]
struct Shown {
    subject: String,
    entries: Vec<EntryShown>,
}

#[derive(Serialize)]
struct EntryShown {
    facet: String,
    value: String,
    number: String,
}

fn check_method(method: &Method, allowed: &'static str) -> Result<(), Problem> {
    if method.as_str() == allowed {
        return Ok(());
    }
    let (status, detail) = (StatusCode::METHOD_NOT_ALLOWED, format!("allowed: {allowed}"));
    Err(Problem { allow: Some(allowed), ..Problem::new(status, "method_not_allowed", detail) })
}

/// The whole body.
async fn read(body: Incoming) -> Result<Bytes, Problem> {
    let collected =
        timeout(WRITING_BODY_TIME, Limited::new(body, WRITING_BODY_BYTES_MAX).collect());
    match collected.await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let detail = format!("at most {WRITING_BODY_BYTES_MAX} bytes a request");
            Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail))
        }
        Ok(Err(_)) => Err(Problem::malformed("the body broke off")),
        Err(_) => {
            let detail = "the body did not come in time";
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", detail))
        }
    }
}
