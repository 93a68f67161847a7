//! Two tills, each as a hospital system sees the gateway: one scan, a visit, one settlement.
//!
//! The browser says what its cashier wants. This side keeps what the till knows, sends the messages
//! over a real socket, and refuses what may charge twice, whatever the page shows.
//!
//! | file | what it knows |
//! |---|---|
//! | `verb.rs` | what a cashier can want |
//! | `state/` | what a till may do: its rules, without a socket |
//! | `message.rs` | the messages, as bytes |
//! | `verdict.rs` | what an answer means |
//! | `work.rs` | the way from a wish to a report |
//! | `report.rs`, `samples.rs` | the whole exchange, for a page and for developers |
//! | `scan/` | the symbol in a picture of the camera |
//! | `page.rs`, `words.rs` | the page |

mod message;
mod page;
mod report;
mod samples;
mod scan;
mod state;
mod verb;
mod verdict;
mod words;
mod work;

use std::cell::RefCell;
use std::rc::Rc;

pub(super) use self::page::page;
use self::report::Report;
pub(super) use self::scan::read_picture;
use self::state::Till;
pub(super) use self::verb::Verb;
pub(super) use self::work::act;

/// Who the tills belong to: a hospital, and a pharmacy.
const INSTITUTIONS: [&str; 2] = ["H37010000001", "P37010000002"];

/// A till, and what it did last.
struct Counter {
    institution: &'static str,
    till: RefCell<Till>,
    last: RefCell<Option<Rc<Report>>>,
}

/// The two tills.
pub(super) struct Tills([Counter; 2]);

impl Counter {
    fn new(number: u8, institution: &'static str) -> Self {
        Self { institution, till: RefCell::new(Till::new(number)), last: RefCell::default() }
    }
}

impl Default for Tills {
    fn default() -> Self {
        let [hospital, pharmacy] = INSTITUTIONS;
        Self([Counter::new(1, hospital), Counter::new(2, pharmacy)])
    }
}

impl Tills {
    /// Nothing is under way at them any more, and nothing was.
    pub(super) fn begin_afresh(&self) {
        for counter in &self.0 {
            let mut till = counter.till.borrow_mut();
            *till = Till::new(till.number);
            *counter.last.borrow_mut() = None;
        }
    }

    /// The second one is 2; all else is the first.
    fn of(&self, number: u8) -> &Counter {
        let [first, second] = &self.0;
        if number == 2 { second } else { first }
    }
}
