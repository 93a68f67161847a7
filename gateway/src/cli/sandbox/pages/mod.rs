//! The sandbox in a browser: a phone, a till, faults, and what the gateway decided.
//!
//! A listener and a thread of its own; `serve` reaches none of this. The browser speaks to this
//! listener alone. What a page does goes to the gateway over a real socket, as a hospital system
//! sends it, and to the API of account states, as a writer does. Nothing is simulated that exists.
//!
//! | folder | what is there |
//! |---|---|
//! | `listener/` | who may ask, and which endpoint answers |
//! | `messages/` | HTTP as the pages take it, give it, and ask the gateway |
//! | `machines/` | codes for machines without the program, the OpenAPI document, samples |
//! | `scan/` | reads the symbol in a picture of a camera |
//! | `till/` | two tills, as hospital systems |
//! | `people/` | five invented people and their phones: `people.json` |
//! | `phone/` | the phone |
//! | `events/` | the decision record as a stream |
//! | `live/` | what the gateway decided, as a page |
//! | `commands/` | the commands to paste, as a page |
//! | `faults/` | the switchboard |
//! | `frame/` | the frame of all pages, the first one, texts in two languages |
//! | `assets/` | modules and styles for browsers |
//! | `site/` | what all endpoints share |

mod assets;
mod commands;
mod events;
mod faults;
mod frame;
pub(super) mod listener;
mod live;
mod machines;
mod messages;
mod people;
mod phone;
mod site;
mod till;

use std::io;
use std::net::TcpListener;
use std::rc::Rc;
use std::thread::JoinHandle;

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::oneshot;

#[cfg(test)]
pub(super) use self::commands::about_in_chinese;
use self::events::Sources;
use self::listener::Door;
use self::people::{PEOPLE, People};
use self::site::{Front, Parts, SMALL, Site};
use super::backend::{Arrivals, Switch};
use super::directory::Files;
use super::examples::Examples;
use super::settings::Settings;
use crate::cli::failure::Failure;
use clock::Clock;
use record::SubjectKey;
use sys::log::{self, Event};

const PEOPLE_FILE: &str = "people.json";

/// What the pages need to begin.
pub(super) struct Plan {
    pub(super) listener: TcpListener,
    pub(super) door: Door,
    pub(super) settings: Settings,
    pub(super) files: Files,
    /// What arrives at the stand-in.
    pub(super) arrivals: Arrivals,
    /// How the stand-in fails.
    pub(super) switch: Switch,
    pub(super) examples: Examples,
}

/// The thread of the pages.
pub(super) struct Pages {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Pages {
    /// # Errors
    /// The file of the phones is not right, or the system refuses a thread.
    pub(super) fn start(plan: Plan) -> Result<Self, Failure> {
        let people = People::open(&plan.files.directory.join(PEOPLE_FILE))?;
        let Files { subject_key, .. } = &plan.files;
        let front = Front::load(plan.settings.addresses, plan.files.clone())?;
        let subject_key =
            SubjectKey::read(subject_key).map_err(|error| Failure::Other(error.to_string()))?;
        let hashes = PEOPLE.iter().map(|person| person.hash(&subject_key)).collect();
        let (stop, stopped) = oneshot::channel();
        let run = move || {
            if let Err(error) = serve(plan, people, hashes, front, stopped) {
                let what = format_args!("the pages cannot be shown: {error}");
                log::event(Event::SandboxPagesFailed, what);
            }
        };
        let thread = std::thread::Builder::new().name("pages".to_owned()).spawn(run);
        let thread = thread.map_err(|error| Failure::of("cannot start the pages", &error))?;
        Ok(Self { stop, thread })
    }

    pub(super) fn stop(self) {
        // If it has ended by itself, there is no receiver left.
        let _ = self.stop.send(());
        let _ = self.thread.join();
    }
}

fn serve(
    plan: Plan,
    people: People,
    hashes: Vec<String>,
    front: Front,
    stopped: oneshot::Receiver<()>,
) -> io::Result<()> {
    let Plan { listener, door, settings, files, arrivals, switch, examples } = plan;
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(async move {
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let clock = Clock::system();
        let small = Files::of(&files.directory.join(SMALL));
        let sources = Sources {
            records: vec![files.record.clone(), small.record],
            admin: settings.addresses.admin,
            arrivals,
            clock: clock.clone(),
            people: hashes,
        };
        let feed = events::start(sources)?;
        let standin = switch;
        let parts = Parts { settings, clock, standin, front, people, feed, examples };
        let site = Rc::new(Site::new(parts));
        tokio::select! {
            _ = stopped => Ok(()),
            never = listener::serve(listener, door, site) => match never {},
        }
    })
}
