//! Payments of many people, for a minute, so that there is something to see.
//!
//! A thread of its own makes the codes, so that the pages stay quick.

use std::{
    net::SocketAddr,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use keyring::code::{IssuedAt, Subject};
use keyring::mint::random_serial;
use tokio::{
    runtime::{Builder, LocalOptions},
    task::spawn_local,
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use crate::cli::codes::issuer::Issuer;
use crate::cli::codes::order::Order;
use crate::cli::sandbox::directory::{Files, key_id};
use crate::cli::sandbox::pages::{
    messages::{Call, Problem, exchange},
    site::Site,
};
use clock::Clock;

const LASTS: Duration = Duration::from_secs(60);
/// One of so many codes is sent twice, with another amount.
const TWICE_ONE_IN: u64 = 20;
/// Invented people, from this number on.
const FIRST_SUBJECT: u64 = 9_000_000;
const SUBJECTS: u64 = 100_000;

/// Begins to send, or changes the rate; 0 ends it.
///
/// # Errors
/// The system refuses a thread.
pub(super) fn begin(site: &Rc<Site>, per_s: u16) -> Result<(), Problem> {
    end(site);
    if per_s == 0 {
        return Ok(());
    }
    let rate = Arc::new(AtomicU16::new(per_s));
    let (files, gateway) = (site.front().files.clone(), site.gateway());
    let rate_of_thread = Arc::clone(&rate);
    let run = move || send(&files, gateway, &rate_of_thread);
    let thread = std::thread::Builder::new().name("load".to_owned()).spawn(run);
    let refused = |error| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("no thread for it: {error}"))
    };
    thread.map(drop).map_err(refused)?;
    *site.load.borrow_mut() = Some(Arc::clone(&rate));
    site.switches.borrow_mut().load_per_s = per_s;
    spawn_local(end_later(Rc::clone(site), rate));
    Ok(())
}

/// The minute is over, unless it began anew meanwhile.
async fn end_later(site: Rc<Site>, rate: Arc<AtomicU16>) {
    sleep(LASTS).await;
    let is_this_one = site.load.borrow().as_ref().is_some_and(|now| Arc::ptr_eq(now, &rate));
    if is_this_one {
        end(&site);
        site.feed.state_changed();
    }
}

/// Ends what is sent.
pub(super) fn end(site: &Site) {
    if let Some(rate) = site.load.borrow_mut().take() {
        rate.store(0, Relaxed);
    }
    site.switches.borrow_mut().load_per_s = 0;
}

/// Sends until the minute is over or the rate is 0.
fn send(files: &Files, gateway: SocketAddr, rate: &AtomicU16) {
    let issuer = Issuer::load(&files.keyring, key_id(), &files.signing_key);
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
    if let (Ok(issuer), Ok(runtime)) = (issuer, runtime) {
        // The minute is over: what is under way is left to itself.
        let _ =
            runtime.block_on(async { timeout(LASTS, keep_sending(&issuer, gateway, rate)).await });
    }
    rate.store(0, Relaxed);
}

async fn keep_sending(issuer: &Issuer, gateway: SocketAddr, rate: &AtomicU16) {
    let clock = Clock::system();
    let per_s = rate.load(Relaxed).max(1);
    let mut ticks = interval(Duration::from_secs(1) / u32::from(per_s));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut number: u64 = 0;
    while rate.load(Relaxed) > 0 {
        ticks.tick().await;
        number += 1;
        let random = random_serial().get();
        let subject = Subject::new(FIRST_SUBJECT + random % SUBJECTS).expect("not 0");
        let issued_at = IssuedAt::from_time(clock.now()).unwrap_or(IssuedAt::new(0));
        let code = issuer.issue(&Order::of(subject, issued_at)).digits();
        let Ok(code) = HeaderValue::from_bytes(&code) else { continue };
        let amounts = if number.is_multiple_of(TWICE_ONE_IN) { 2 } else { 1 };
        let clock = clock.clone();
        spawn_local(async move {
            for amount in 1..=amounts {
                exchange(gateway, payment(&code, amount), &clock).await;
            }
        });
    }
}

fn payment(code: &HeaderValue, amount: u32) -> Call {
    Call {
        method: Method::POST,
        target: "/pay".to_owned(),
        headers: vec![(HeaderName::from_static("yanma-code"), code.clone())],
        body: Bytes::from(format!("{{\"amount\":\"{amount}.00\"}}")),
    }
}
