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
//! | `code/` | codes for machines without the program |
//! | `people/` | five invented people and their phones: `people.json` |
//! | `events/` | the decision record as a stream |
//! | `faults/` | the switchboard |
//! | `frame/` | the frame of all pages, and the first one |
//! | `assets/` | modules and styles for browsers |
//! | `site.rs` | what all endpoints share |
//! | `words.rs` | how texts are kept in two languages |

mod assets;
mod code;
mod events;
mod faults;
mod frame;
pub(super) mod listener;
mod messages;
mod people;
mod scan;
mod site;
mod words;

use std::io;
use std::net::TcpListener;
use std::rc::Rc;
use std::thread::JoinHandle;

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::oneshot;

use self::listener::Door;
use self::people::People;
pub(super) use self::site::Files;
use self::site::Site;
use super::backend::{Arrivals, Switch};
use super::directory::key_id;
use super::settings::Settings;
use crate::cli::codes::issuer::Issuer;
use crate::cli::failure::Failure;
use sys::log::{self, Event};

const PEOPLE_FILE: &str = "people.json";

/// What the pages need to begin.
pub(super) struct Plan {
    pub(super) listener: TcpListener,
    pub(super) door: Door,
    pub(super) settings: Settings,
    pub(super) files: Files,
    /// What arrived at the stand-in.
    pub(super) arrivals: Arrivals,
    /// How the stand-in fails.
    pub(super) switch: Switch,
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
        let Files { keyring, signing_key, .. } = &plan.files;
        let issuer = Issuer::load(keyring, key_id(), signing_key)?;
        let (stop, stopped) = oneshot::channel();
        let run = move || {
            if let Err(error) = serve(plan, people, issuer, stopped) {
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
    issuer: Issuer,
    stopped: oneshot::Receiver<()>,
) -> io::Result<()> {
    let Plan { listener, door, settings, files, arrivals, switch } = plan;
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(async move {
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let site = Rc::new(Site::new(settings, files, (arrivals, switch), people, issuer));
        tokio::select! {
            _ = stopped => Ok(()),
            never = listener::serve(listener, door, site) => match never {},
        }
    })
}
