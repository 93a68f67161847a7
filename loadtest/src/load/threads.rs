//! The load threads. Each has its connections, makes its codes and has its share of the schedule.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{mpsc, watch};

use crate::clock::timer::Timer;
use crate::clock::{self, NS_PER_MS, NS_PER_S};
use crate::judge::counters::{Counters, SecondCount};
use crate::judge::law::terms::Terms;
use crate::judge::ledger::Ledger;
use crate::judge::outage::Outages;
use crate::load::client;
use crate::load::client::dispatcher::Dispatcher;
use crate::load::client::target::Target;
use crate::load::codes::Mill;
use crate::load::pacer;
use crate::load::signer::Nonces;
use crate::scenario::schedule::Schedule;
use crate::scenario::settings::{Protocol, Scenario};
use crate::scenario::times::Times;
use crate::site::active_keys::ActiveKeys;

/// All connections must be made within this time, or there is no run.
const CONNECT_WITHIN: Duration = Duration::from_secs(20);
/// How long starts may still wait for a connection when the schedule is over.
const START_WITHIN: Duration = Duration::from_secs(1);
/// How long answers are awaited, beyond the backend's time limit.
const ANSWER_MARGIN: Duration = Duration::from_secs(15);
/// Messages that wait for the main thread.
const MESSAGES_MAX: usize = 256;

/// What all load threads share.
#[derive(Clone)]
pub struct Orders {
    /// What is sent.
    pub scenario: Arc<Scenario>,
    /// The nodes' addresses.
    pub nodes: Vec<crate::net::address::Address>,
    /// The keys that sign, replaced at each rotation.
    pub active_keys: watch::Receiver<Arc<ActiveKeys>>,
    /// Where codes are entered.
    pub ledger: Arc<Ledger>,
    /// When gateways are down.
    pub outages: Arc<Outages>,
    /// For signing.
    pub nonces: Nonces,
    /// What is tolerated.
    pub terms: Terms,
    /// The seed of the schedule. It is the same for all threads, so that their shares make one
    /// schedule.
    pub seed: u64,
}

/// A message of a load thread.
pub enum Message {
    /// All its connections are made.
    Ready,
    /// It failed.
    Failed(String),
    /// One measured second is over.
    Note(Note),
    /// It is done.
    Done(Box<Counters>),
}

/// A measured second of one thread.
pub struct Note {
    /// Its number.
    pub number: u64,
    /// What happened in it.
    pub second: SecondCount,
    /// Requests without an answer at its end.
    pub in_flight: usize,
}

/// The load threads. They connect, wait for the beginning, send, and wait for their release.
pub struct LoadThreads {
    threads: usize,
    messages: mpsc::Receiver<Message>,
    times: watch::Sender<Option<Times>>,
    release: watch::Sender<bool>,
}

impl LoadThreads {
    /// Starts the threads, which connect.
    ///
    /// # Errors
    /// The system's error if a thread cannot be started.
    pub fn start(orders: &Orders) -> std::io::Result<Self> {
        let threads = usize::try_from(orders.scenario.load.threads).unwrap_or(1);
        let (say, messages) = mpsc::channel(MESSAGES_MAX);
        let (times, _) = watch::channel(None);
        let (release, _) = watch::channel(false);
        for number in 0..threads {
            let last_word = LastWord(say.clone());
            let load_thread =
                LoadThread { number, threads, orders: orders.clone(), say: say.clone() };
            let (times, release) = (times.subscribe(), release.subscribe());
            let name = format!("load-{number}");
            std::thread::Builder::new().name(name).spawn(move || {
                load_thread.run(times, release);
                drop(last_word);
            })?;
        }
        Ok(Self { threads, messages, times, release })
    }

    /// Waits until every connection is made.
    ///
    /// # Errors
    /// Why a connection could not be made.
    pub async fn wait_until_ready(&mut self) -> Result<(), String> {
        for _ in 0..self.threads {
            match self.messages.recv().await {
                Some(Message::Ready) => {}
                Some(Message::Failed(why)) => return Err(why),
                _ => return Err("a load thread ended while connecting".to_owned()),
            }
        }
        Ok(())
    }

    /// Lets all threads begin.
    pub fn begin(&self, times: Times) {
        self.times.send_replace(Some(times));
    }

    /// Waits until all threads are done. `show` gets their notes.
    ///
    /// # Errors
    /// Why a thread could not go on.
    pub async fn wait_until_done(
        &mut self,
        mut show: impl FnMut(Note),
    ) -> Result<Counters, String> {
        let mut all = Counters::new(0);
        let mut left = self.threads;
        while left > 0 {
            match self.messages.recv().await {
                Some(Message::Done(counters)) => {
                    all.add(*counters);
                    left -= 1;
                }
                Some(Message::Note(note)) => show(note),
                Some(Message::Failed(why)) => return Err(why),
                Some(Message::Ready) => {}
                None => return Err("a load thread ended in the middle".to_owned()),
            }
        }
        Ok(all)
    }

    /// How many threads there are.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Lets the threads close their connections and end. Until then their CPU time can be read.
    pub fn release(self) {
        self.release.send_replace(true);
    }
}

/// Reports the panic of a thread. Otherwise the run would wait for it for ever.
struct LastWord(mpsc::Sender<Message>);

impl Drop for LastWord {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let why = "a load thread panicked: a bug of this tool".to_owned();
            // An error means that the run has ended already.
            let _ = self.0.blocking_send(Message::Failed(why));
        }
    }
}

struct LoadThread {
    number: usize,
    threads: usize,
    orders: Orders,
    say: mpsc::Sender<Message>,
}

impl LoadThread {
    fn run(self, times: watch::Receiver<Option<Times>>, mut release: watch::Receiver<bool>) {
        let runtime =
            Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => {
                return drop(self.say.blocking_send(Message::Failed(error.to_string())));
            }
        };
        runtime.block_on(async {
            let message = match self.work(times).await {
                Ok(counters) => Message::Done(Box::new(counters)),
                Err(why) => Message::Failed(why),
            };
            // An error means that the run has ended already.
            let _ = self.say.send(message).await;
            let _ = release.wait_for(|is_over| *is_over).await;
        });
    }

    async fn work(&self, mut times: watch::Receiver<Option<Times>>) -> Result<Counters, String> {
        let scenario = &self.orders.scenario;
        let dispatcher = self.dispatcher()?;
        self.connect(&dispatcher).await?;
        let _ = self.say.send(Message::Ready).await;
        let times = times.wait_for(Option::is_some).await.map_err(|error| error.to_string())?;
        let Some(Times { begin_ns, measured_ns, end_ns }) = *times else { return Err(never()) };
        dispatcher.begin(measured_ns);
        tokio::task::spawn_local(tell(Rc::clone(&dispatcher), measured_ns, self.say.clone()));
        if scenario.visits.is_some() || scenario.accounts.is_some() {
            let dispatcher = Rc::clone(&dispatcher);
            tokio::task::spawn_local(async move { pacer::pace_calls(&dispatcher).await });
        }
        if scenario.load.is_closed {
            let timer = Timer::new().map_err(|error| error.to_string())?;
            timer.wait_until(end_ns).await.map_err(|error| error.to_string())?;
        } else {
            let phases = scenario.all_phases();
            let schedule = Schedule::new(phases, scenario.load.arrivals, self.orders.seed);
            let share = schedule.share(self.number, self.threads);
            let paced = pacer::pace(&dispatcher, begin_ns, share).await;
            paced.map_err(|error| format!("no timer: {error}"))?;
        }
        let timeout = Duration::from_millis(scenario.gateway.backend_timeout_ms);
        Ok(dispatcher.end(START_WITHIN, timeout + ANSWER_MARGIN).await)
    }

    fn dispatcher(&self) -> Result<Rc<Dispatcher>, String> {
        let Orders { scenario, active_keys, ledger, outages, nonces, terms, .. } = &self.orders;
        let mill = Mill::new(scenario, active_keys.clone(), Arc::clone(ledger), nonces.clone());
        let mill = mill.map_err(|error| error.to_string())?;
        let (ledger, outages) = (Arc::clone(ledger), Arc::clone(outages));
        Ok(Rc::new(Dispatcher::new(mill, ledger, outages, *terms, scenario.load.is_closed)))
    }

    /// Makes this thread's connections, which take turns among the nodes.
    async fn connect(&self, dispatcher: &Rc<Dispatcher>) -> Result<(), String> {
        let Orders { scenario, nodes, .. } = &self.orders;
        let connections = usize::try_from(scenario.load.connections).unwrap_or(0);
        let streams = match scenario.load.protocol {
            Protocol::Http1 => 1,
            Protocol::Http2 => usize::try_from(scenario.load.streams).unwrap_or(1),
        };
        let mine = (0..connections).skip(self.number).step_by(self.threads);
        let slots = mine.clone().count() * streams;
        let (first_error, error) = watch::channel(String::new());
        for (turn, _) in mine.enumerate() {
            let node = turn % nodes.len();
            let address = nodes.get(node).cloned().ok_or_else(never)?;
            let target = Target { node, address, protocol: scenario.load.protocol, streams };
            let kept = client::keep_connected(target, Rc::clone(dispatcher), first_error.clone());
            tokio::task::spawn_local(kept);
        }
        let connected =
            tokio::time::timeout(CONNECT_WITHIN, dispatcher.wait_until_connected(slots)).await;
        connected.map_err(|_| {
            format!("not all connections could be made; the first error: {}", *error.borrow())
        })
    }
}

fn never() -> String {
    "a load thread was never told when to begin".to_owned()
}

/// Hands every measured second to the main thread, a moment after its end. A thread that kept them
/// all would grow with the run.
async fn tell(dispatcher: Rc<Dispatcher>, measured_ns: u64, say: mpsc::Sender<Message>) {
    let Ok(timer) = Timer::new() else { return };
    for number in 0.. {
        let at_ns = measured_ns + (number + 1) * NS_PER_S + 20 * NS_PER_MS;
        if at_ns > clock::now_ns() && timer.wait_until(at_ns).await.is_err() {
            return;
        }
        let (second, in_flight) = dispatcher.take_second(number);
        let note = Message::Note(Note { number, second, in_flight });
        if say.send(note).await.is_err() {
            return;
        }
    }
}
