//! Opening a data directory by a clock that is set by hand: which table, and which fence.

use std::fs;
use std::path::{Path, PathBuf};

use clock::{Clock, Hand};
use keyring::time::UnixMillis;

use super::opening::{BOOT_ID, Wanted, boot_id};
use super::settings::{Fence, Settings};
use super::watch::DataDirectory;
use crate::header::Store;
use crate::replay::Replay;

const START: UnixMillis = UnixMillis::from_seconds(1_800_000_000);

struct Site {
    _directory: tempfile::TempDir,
    wanted: Wanted,
    clock: Clock,
    hand: Hand,
}

impl Site {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (clock, hand) = Clock::hand_set(START);
        let settings = Settings {
            dir: directory.path().join("data"),
            capacity: 64,
            skew_ms: 2_000,
            store: Store::Local,
        };
        let wanted = Wanted { settings, fence: Fence::UntilNow, boot: 7 };
        hand.advance(1_000);
        Self { _directory: directory, wanted, clock, hand }
    }

    fn open(&self) -> (DataDirectory, Replay) {
        self.wanted.open(&self.clock).unwrap()
    }

    /// The fence in seconds after the clock's start, after this start of a gateway.
    fn fence(&self) -> Option<i64> {
        let (_, replay) = self.open();
        replay.renew_lease(self.clock.reading());
        replay.fence().map(|fence| fence.millis().seconds() - START.seconds())
    }

    fn table(&self) -> PathBuf {
        self.wanted.settings.dir.join("replay")
    }
}

fn refused(wanted: &Wanted, clock: &Clock) -> String {
    wanted.open(clock).err().expect("a directory that cannot be used").to_string()
}

/// Registers know what was redeemed from a table in front of them, and nothing else.
#[test]
fn a_table_in_front_of_registers_needs_no_second_fence() {
    let mut site = Site::new();
    site.wanted.settings.store = Store::Registers;
    assert_eq!(site.fence(), Some(4), "what was spent before the first start is not known");
    site.hand.advance(60_000);
    assert_eq!(site.fence(), Some(4), "it was unattended, and needs no fence for that");
    site.wanted.boot = 8;
    assert_eq!(site.fence(), Some(4), "the machine was started anew");
    fs::remove_file(site.table()).unwrap();
    assert_eq!(site.fence(), Some(74), "what it knew is not known to have been the registers'");
}

#[test]
fn a_change_of_store_is_a_new_table_behind_a_fence() {
    let mut site = Site::new();
    let stores = [Store::Local, Store::Registers, Store::Local];
    let fences = stores.map(|store| {
        site.wanted.settings.store = store;
        site.hand.advance(1_000);
        site.fence()
    });
    assert_eq!(fences, [Some(5), Some(6), Some(7)]);
    let (_held, _) = site.open();
    site.wanted.settings.store = Store::Registers;
    let why = refused(&site.wanted, &site.clock);
    assert!(why.contains("store") && why.contains("wait for its end"), "{why}");
}

#[test]
fn a_first_start_is_behind_a_fence_and_the_next_goes_on() {
    let site = Site::new();
    // 1 s, and 2 s of skew, and 1 s of lease.
    assert_eq!(site.fence(), Some(4));
    site.hand.advance(5_000);
    assert_eq!(site.fence(), Some(4));
}

#[test]
fn keys_that_are_new_need_no_fence() {
    let mut site = Site::new();
    site.wanted.fence = Fence::NotNeeded;
    assert_eq!(site.fence(), None);
    site.hand.advance(60_000);
    assert_eq!(site.fence(), None);
}

#[test]
fn a_table_that_nobody_kept_gets_a_fence() {
    let site = Site::new();
    assert_eq!(site.fence(), Some(4));
    site.hand.advance(5_001);
    assert_eq!(site.fence(), Some(10));
    // Not by the wall clock alone: it may have fallen back meanwhile.
    site.hand.advance(6_000);
    site.hand.step_wall(-6_000);
    site.clock.tick();
    assert_eq!(site.fence(), Some(16));
}

#[test]
fn the_fence_takes_the_largest_skew_that_is_known() {
    let mut site = Site::new();
    site.wanted.settings.skew_ms = 9_000;
    assert_eq!(site.fence(), Some(11));
    site.wanted.settings.skew_ms = 0;
    site.hand.advance(6_000);
    assert_eq!(site.fence(), Some(17));
    // The table is lost; the mark still knows its skew, and a time 5 s ahead.
    fs::remove_file(site.table()).unwrap();
    assert_eq!(site.fence(), Some(7 + 5 + 9 + 1));
    // Nothing is known but that there was a table.
    fs::remove_file(site.wanted.settings.dir.join("mark")).unwrap();
    fs::write(site.table(), "no table").unwrap();
    assert_eq!(site.fence(), Some(7 + 10 + 1));
    // Nothing is known at all.
    fs::remove_dir_all(&site.wanted.settings.dir).unwrap();
    assert_eq!(site.fence(), Some(7 + 1));
}

#[test]
fn after_a_power_cut_a_clock_that_fell_back_is_made_up_for_by_the_mark() {
    let (mut site, later) = (Site::new(), Site::new());
    assert_eq!(site.fence(), Some(4));
    // The mark on disk says 6 s; the clock of the next boot is 30 s behind it.
    let bytes = fs::read(site.wanted.settings.dir.join("mark")).unwrap();
    fs::create_dir(&later.wanted.settings.dir).unwrap();
    let ahead = String::from_utf8(bytes).unwrap().replace("1800000006000", "1800000031000");
    fs::write(later.wanted.settings.dir.join("mark"), ahead).unwrap();
    assert_eq!(later.fence(), Some(31 + 2 + 1));
    // The same where the pages of the table were not all written.
    site.wanted.boot = 8;
    assert_eq!(site.fence(), Some(6 + 2 + 1));
}

#[test]
fn a_mark_more_than_a_minute_ahead_stops_the_start() {
    let site = Site::new();
    let (directory, replay) = site.open();
    replay.renew_lease(site.clock.reading());
    drop(directory);
    let (past, _hand) = Clock::hand_set(UnixMillis::new(START.get() - 54_001));
    let text = refused(&site.wanted, &past);
    assert!(text.contains("/data/mark: codes were judged by 2027-01-15T08:00:06.000Z"), "{text}");
    assert!(text.contains("remove the data directory, which is safe"), "{text}");
    // At a minute and below, the codes that were judged by later times are over or known.
    let (past, _hand) = Clock::hand_set(UnixMillis::new(START.get() - 54_000));
    assert!(site.wanted.open(&past).is_ok());
    // The table's own mark counts too.
    fs::remove_file(site.wanted.settings.dir.join("mark")).unwrap();
    let (past, _hand) = Clock::hand_set(UnixMillis::new(START.get() - 59_001));
    let text = refused(&site.wanted, &past);
    assert!(text.contains("/data/replay: codes were judged by"), "{text}");
}

#[test]
fn another_capacity_waits_for_the_end_of_who_uses_the_table() {
    let mut site = Site::new();
    let (directory, _replay) = site.open();
    site.wanted.settings.capacity = 128;
    let text = refused(&site.wanted, &site.clock);
    assert!(text.contains("a new table of 128 slots (its file has 64 slots)"), "{text}");
    drop(directory);
    site.hand.advance(1_000);
    let (_directory, replay) = site.open();
    assert_eq!(replay.capacity(), 128);
    // Its mark was exact: the promise, 5 s ahead, does not count.
    assert_eq!(replay.fence().map(|fence| fence.millis().seconds() - START.seconds()), Some(5));
}

#[test]
fn a_directory_that_is_another_is_not_in_place() {
    let site = Site::new();
    let (directory, replay) = site.open();
    assert!(directory.table.is_in_place().unwrap());
    assert!(replay.is_intact(7, directory.table.id, replay.high_water_mark()));
    assert!(!replay.is_intact(7, directory.table.id, replay.high_water_mark().plus_ms(1)));
    let old = site.wanted.settings.dir.with_extension("old");
    fs::rename(&site.wanted.settings.dir, &old).unwrap();
    assert!(!directory.table.is_in_place().unwrap());
    fs::rename(&old, &site.wanted.settings.dir).unwrap();
    assert!(directory.table.is_in_place().unwrap());
    let lock = site.wanted.settings.dir.join("lock");
    fs::remove_file(&lock).unwrap();
    fs::write(&lock, "").unwrap();
    assert!(!directory.table.is_in_place().unwrap());
}

#[test]
fn what_is_in_the_way_is_said_in_one_sentence() {
    let mut site = Site::new();
    fs::create_dir_all(site.table()).unwrap();
    let text = refused(&site.wanted, &site.clock);
    assert!(text.starts_with("[server] data_dir: ") && text.contains("/data/replay: "), "{text}");
    let file = site.wanted.settings.dir.with_extension("file");
    fs::write(&file, "").unwrap();
    for dir in [file.clone(), file.join("below")] {
        site.wanted.settings.dir = dir;
        let text = refused(&site.wanted, &site.clock);
        assert!(text.contains("not a directory"), "{text}");
    }
    assert!(boot_id().is_ok() && Path::new(BOOT_ID).exists());
}
