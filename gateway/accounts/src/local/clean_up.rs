//! The daily clean-up: in small steps between two polls, so that no poll is late.

use clock::Reading;

use super::{LocalStore, StoreError, database::Place};
use crate::{
    entry::Day,
    limits::{CLEAN_UP_PAUSE_NS, CLEAN_UP_ROWS},
};

/// How far the clean-up is.
#[derive(Default)]
pub(super) struct CleanUp {
    /// The day in Beijing of the last one that was begun.
    day: Option<Day>,
    /// Where the one under way goes on.
    place: Option<Place>,
    /// CLOCK_BOOTTIME before which none begins, after an error.
    not_before_ns: i64,
}

impl CleanUp {
    /// Does the next step, if there is one to do.
    ///
    /// # Errors
    /// The database cannot be read or changed. The next round begins an hour later.
    pub(super) fn step(
        &mut self,
        store: &mut LocalStore,
        now: Reading,
        display_days: u32,
    ) -> Result<(), StoreError> {
        let today = Day::of(now.now);
        let place = match self.place.take() {
            Some(place) => place,
            None if self.day == Some(today) || now.boot_ns < self.not_before_ns => return Ok(()),
            None => Place::start(),
        };
        self.day = Some(today);
        let next = store.clean_up(&place, CLEAN_UP_ROWS, display_days, now);
        self.place = next.inspect_err(|_| {
            self.day = None;
            self.not_before_ns = now.boot_ns.saturating_add(CLEAN_UP_PAUSE_NS);
        })?;
        Ok(())
    }
}
