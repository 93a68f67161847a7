//! Opening a data directory by a clock that is set by hand: which table, and which fence.

use std::fs;
use std::path::{Path, PathBuf};

use clock::{Clock, Hand};
use keyring::time::UnixMillis;

use super::making::Wanted;
use super::opening::{BOOT_ID, boot_id};
use super::settings::{Fence, Settings};
use super::tables::Tables;
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
            passes: None,
            skew_ms: 2_000,
            store: Store::Local,
        };
        let wanted = Wanted { settings, fence: Fence::UntilNow, boot: 7 };
        hand.advance(1_000);
        Self { _directory: directory, wanted, clock, hand }
    }

    fn open(&self) -> (DataDirectory, Replay) {
        let (directory, tables) = self.open_all();
        (directory, tables.codes)
    }

    fn open_all(&self) -> (DataDirectory, Tables) {
        self.wanted.open(&self.clock).unwrap()
    }

    /// The fences of both tables, in seconds after the clock's start, after this start of a gateway.
    fn fences(&self) -> [Option<i64>; 2] {
        let (_, tables) = self.open_all();
        tables.renew_leases(self.clock.reading());
        let passes = tables.passes.expect("a table of passes");
        [tables.codes.fence(), passes.fence()]
            .map(|fence| Some(fence?.millis().seconds() - START.seconds()))
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
    assert!(directory.files.is_in_place().unwrap());
    assert!(replay.is_intact(7, directory.files.codes.id, replay.high_water_mark()));
    assert!(!replay.is_intact(7, directory.files.codes.id, replay.high_water_mark().plus_ms(1)));
    let old = site.wanted.settings.dir.with_extension("old");
    fs::rename(&site.wanted.settings.dir, &old).unwrap();
    assert!(!directory.files.is_in_place().unwrap());
    fs::rename(&old, &site.wanted.settings.dir).unwrap();
    assert!(directory.files.is_in_place().unwrap());
    let lock = site.wanted.settings.dir.join("lock");
    fs::remove_file(&lock).unwrap();
    fs::write(&lock, "").unwrap();
    assert!(!directory.files.is_in_place().unwrap());
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

/// A site whose gateway issues passes.
fn site_with_passes() -> Site {
    let mut site = Site::new();
    site.wanted.settings.passes = Some(128);
    site
}

#[test]
fn a_table_of_passes_is_made_only_if_it_is_asked_for() {
    let mut site = Site::new();
    let passes = site.wanted.settings.dir.join("passes");
    assert!(site.open_all().1.passes.is_none() && !passes.exists());
    site.wanted.settings.passes = Some(128);
    let (_, tables) = site.open_all();
    assert_eq!(tables.passes.map(|passes| passes.capacity()), Some(128));
    assert_eq!(tables.codes.capacity(), 64);
    // What is there stays, and is not mapped, when it is not asked for any more.
    site.wanted.settings.passes = None;
    assert!(site.open_all().1.passes.is_none() && passes.exists());
}

/// A pass may be minted by a clock that is 10 s ahead.
#[test]
fn the_fence_of_passes_counts_with_the_largest_skew() {
    for skew_ms in [0, 2_000, 10_000] {
        let mut site = site_with_passes();
        site.wanted.settings.skew_ms = skew_ms;
        let codes = 1 + skew_ms / 1_000 + 1;
        assert_eq!(site.fences(), [Some(codes), Some(1 + 10 + 1)], "{skew_ms}");
        site.hand.advance(4_000);
        assert_eq!(site.fences(), [Some(codes), Some(12)], "both go on");
        site.hand.advance(5_001);
        let codes = 11 + skew_ms / 1_000 + 1;
        assert_eq!(site.fences(), [Some(codes), Some(11 + 10 + 1)], "both were unattended");
    }
}

/// The mark says what skew the codes had, so that of the passes does not move the codes' fence.
#[test]
fn a_table_of_codes_that_is_lost_has_the_fence_of_codes() {
    let site = site_with_passes();
    assert_eq!(site.fences(), [Some(4), Some(12)]);
    fs::remove_file(site.table()).unwrap();
    // The mark is 5 s ahead.
    assert_eq!(site.fences(), [Some(6 + 2 + 1), Some(12)]);
    fs::remove_file(site.wanted.settings.dir.join("passes")).unwrap();
    // By now the mark is 5 s ahead of what it was.
    assert_eq!(site.fences(), [Some(9), Some(11 + 10 + 1)]);
}

#[test]
fn a_table_of_one_kind_is_never_taken_for_the_other() {
    let site = site_with_passes();
    let passes = site.wanted.settings.dir.join("passes");
    site.fences();
    // The very file, so that its inode is its own.
    fs::rename(site.table(), &passes).unwrap();
    let (_, tables) = site.open_all();
    assert_eq!(tables.passes.map(|passes| passes.capacity()), Some(128));
    assert_eq!(site.fences(), [Some(9), Some(17)], "both are new, behind the mark");
}

#[test]
fn passes_are_not_added_to_a_directory_that_is_in_use() {
    let mut site = Site::new();
    let (directory, _tables) = site.open_all();
    site.wanted.settings.passes = Some(128);
    let text = refused(&site.wanted, &site.clock);
    assert!(text.contains("/data/passes: a gateway that runs"), "{text}");
    assert!(text.contains("a new table of 128 slots (there is none yet)"), "{text}");
    drop(directory);
    assert!(site.open_all().1.passes.is_some());
}

/// The directory is one: with any of its files lost, nothing is spent any more.
#[test]
fn a_directory_whose_passes_are_lost_is_lost() {
    let site = site_with_passes();
    let (mut directory, tables) = site.open_all();
    let reading = site.clock.reading();
    assert!(directory.files.check(&tables).is_ok() && !tables.renew_leases(reading));
    directory.files.note_marks(&tables);
    let passes = tables.passes.as_ref().unwrap();
    assert!(passes.guard.allows(reading) && tables.codes.guard.allows(reading));
    let path = site.wanted.settings.dir.join("passes");
    let aside = path.with_extension("aside");
    fs::rename(&path, &aside).unwrap();
    let lost = directory.files.check(&tables).unwrap_err().to_string();
    assert!(lost.contains("/data/passes: it was deleted or replaced"), "{lost}");
    assert!(!directory.files.is_in_place().unwrap());
    tables.revoke_leases();
    assert!(!passes.guard.allows(reading) && !tables.codes.guard.allows(reading));
    fs::rename(&aside, &path).unwrap();
    assert!(directory.files.check(&tables).is_ok());
    // An older copy that is written over it in place shows by its mark.
    let copy = fs::read(&path).unwrap();
    site.hand.advance(100);
    tables.renew_leases(site.clock.reading());
    directory.files.note_marks(&tables);
    fs::write(&path, copy).unwrap();
    let lost = directory.files.check(&tables).unwrap_err().to_string();
    assert!(lost.contains("/data/passes: somebody wrote over it"), "{lost}");
}

/// The latest time of either table is promised to both.
#[test]
fn the_mark_on_disk_is_ahead_of_both_tables() {
    let site = site_with_passes();
    let (mut directory, tables) = site.open_all();
    let passes = tables.passes.as_ref().unwrap();
    let late = site.clock.now().plus_ms(3_000);
    passes.header().raise_high_water_mark(late);
    tables.renew_leases(site.clock.reading());
    directory.high_water.keep_ahead(&tables, &site.clock).unwrap();
    let promised = directory.high_water.read().unwrap().map(|promise| promise.until);
    assert_eq!(promised, Some(late.plus_ms(5_000)));
    site.hand.advance(8_000);
    tables.renew_leases(site.clock.reading());
    let reading = site.clock.reading();
    assert!(passes.guard.allows(reading) && tables.codes.guard.allows(reading));
    site.hand.advance(1);
    let reading = site.clock.reading();
    assert!(!passes.guard.allows(reading) && !tables.codes.guard.allows(reading));
}
