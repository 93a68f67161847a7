//! The file: read strictly, written aside and renamed.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::person::PEOPLE;
use super::phone::{Family, PHONES_MAX, Phone};
use crate::cli::failure::Failure;
use sys::disk;

const VERSION: u32 = 1;

/// All phones and families.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli::sandbox::pages) struct Contents {
    version: u32,
    pub(in crate::cli::sandbox::pages) phones: Vec<Phone>,
    /// One for each person, in their order.
    pub(in crate::cli::sandbox::pages) families: Vec<Family>,
}

/// The file and what it holds.
#[derive(Debug)]
pub(in crate::cli::sandbox::pages) struct People {
    path: PathBuf,
    contents: Contents,
}

impl Contents {
    /// A blank phone for each person, and no family.
    fn first() -> Self {
        let phones = PEOPLE.iter().map(|person| Phone::blank(person.id)).collect();
        let families =
            PEOPLE.iter().map(|person| Family { person: person.id, ..Family::default() });
        Self { version: VERSION, phones, families: families.collect() }
    }

    pub(in crate::cli::sandbox::pages) fn phone(&self, id: u8) -> Option<&Phone> {
        self.phones.iter().find(|phone| phone.id == id)
    }

    pub(in crate::cli::sandbox::pages) fn phone_mut(&mut self, id: u8) -> Option<&mut Phone> {
        self.phones.iter_mut().find(|phone| phone.id == id)
    }

    pub(in crate::cli::sandbox::pages) fn family(&self, person: u8) -> Option<&Family> {
        self.families.iter().find(|family| family.person == person)
    }

    pub(in crate::cli::sandbox::pages) fn family_mut(&mut self, person: u8) -> Option<&mut Family> {
        self.families.iter_mut().find(|family| family.person == person)
    }

    /// Adds a blank phone and returns its number; none if there are many already.
    pub(in crate::cli::sandbox::pages) fn add_phone(&mut self) -> Option<u8> {
        let last = self.phones.iter().map(|phone| phone.id).max().unwrap_or(0);
        let id = last.checked_add(1).filter(|_| self.phones.len() < PHONES_MAX)?;
        self.phones.push(Phone::blank(id));
        Some(id)
    }

    fn is_sound(&self) -> bool {
        let is_once =
            |phone: &Phone| self.phones.iter().filter(|other| other.id == phone.id).count() == 1;
        self.version == VERSION
            && (1..=PHONES_MAX).contains(&self.phones.len())
            && self.phones.iter().all(|phone| phone.id > 0 && phone.is_sound() && is_once(phone))
            && self.families.len() == PEOPLE.len()
            && self.families.iter().zip(&PEOPLE).all(|(family, person)| family.person == person.id)
            && self.families.iter().all(Family::is_sound)
    }
}

impl People {
    /// Reads the file; if there is none, all phones are blank.
    ///
    /// # Errors
    /// The file cannot be read, or is not what this program writes.
    pub(in crate::cli::sandbox::pages) fn open(path: &Path) -> Result<Self, Failure> {
        let contents = match fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Contents::first(),
            Err(error) => return Err(Failure::of(path.display(), &error)),
            Ok(text) => parse(&text).map_err(|why| {
                let path = path.display();
                Failure::Other(format!(
                    "{path} is not what this version writes ({why}); remove it, and all phones are \
                     blank again"
                ))
            })?,
        };
        Ok(Self { path: path.to_owned(), contents })
    }

    pub(in crate::cli::sandbox::pages) const fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Changes what is known and keeps it. If `change` or the disk fails, nothing is changed.
    ///
    /// # Errors
    /// What `change` says, or the system's error as `failed` puts it.
    pub(in crate::cli::sandbox::pages) fn change<T, E>(
        &mut self,
        change: impl FnOnce(&mut Contents) -> Result<T, E>,
        failed: impl FnOnce(io::Error) -> E,
    ) -> Result<T, E> {
        let mut contents = self.contents.clone();
        let done = change(&mut contents)?;
        write(&self.path, &contents).map_err(failed)?;
        self.contents = contents;
        Ok(done)
    }

    /// All phones are blank again. What the gateway refuses of them stays refused, so that epochs
    /// go on from where they were.
    ///
    /// # Errors
    /// The system's.
    pub(in crate::cli::sandbox::pages) fn begin_afresh(&mut self) -> io::Result<()> {
        let epochs: Vec<u16> = self.contents.families.iter().map(|one| one.last_epoch).collect();
        let mut contents = Contents::first();
        for (family, last_epoch) in contents.families.iter_mut().zip(epochs) {
            family.last_epoch = last_epoch;
        }
        write(&self.path, &contents)?;
        self.contents = contents;
        Ok(())
    }
}

fn parse(text: &[u8]) -> Result<Contents, String> {
    let contents: Contents = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    if contents.is_sound() { Ok(contents) } else { Err("a value cannot be".to_owned()) }
}

fn write(path: &Path, contents: &Contents) -> io::Result<()> {
    let aside = path.with_extension("json.new");
    let text = serde_json::to_vec_pretty(contents)?;
    let mut file = disk::open_private(&aside)?;
    file.set_len(0)?;
    file.write_all(&text)?;
    file.sync_data()?;
    fs::rename(&aside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(directory: &tempfile::TempDir) -> Result<People, Failure> {
        People::open(&directory.path().join("people.json"))
    }

    #[test]
    fn what_is_changed_is_there_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let mut people = open(&directory).unwrap();
        assert_eq!(people.contents().phones.len(), PEOPLE.len());
        let changed = people.change(
            |contents| {
                contents.phone_mut(2).unwrap().clock_ahead_s = 30;
                contents.family_mut(1).unwrap().last_epoch = 7;
                contents.add_phone().ok_or("no room")
            },
            |_| "the disk",
        );
        assert_eq!(changed, Ok(6));
        let people = open(&directory).unwrap();
        assert_eq!(people.contents().phone(2).unwrap().clock_ahead_s, 30);
        assert_eq!(people.contents().phones.len(), 6);
    }

    #[test]
    fn a_change_that_fails_changes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let mut people = open(&directory).unwrap();
        let changed: Result<(), _> = people.change(
            |contents| {
                contents.phones.clear();
                Err("refused")
            },
            |_| "the disk",
        );
        assert_eq!(changed, Err("refused"));
        assert_eq!(people.contents().phones.len(), PEOPLE.len());
        assert!(!directory.path().join("people.json").exists());
    }

    #[test]
    fn all_begins_afresh_but_for_the_epochs() {
        let directory = tempfile::tempdir().unwrap();
        let mut people = open(&directory).unwrap();
        let change = |contents: &mut Contents| {
            contents.family_mut(1).unwrap().last_epoch = 7;
            contents.add_phone().ok_or(())
        };
        people.change(change, |_| ()).unwrap();
        people.begin_afresh().unwrap();
        assert_eq!(people.contents().phones.len(), PEOPLE.len());
        assert_eq!(people.contents().family(1).unwrap().last_epoch, 7);
    }

    #[test]
    fn a_file_that_cannot_be_is_refused_with_its_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("people.json");
        let good = serde_json::to_value(Contents::first()).unwrap();
        for (pointer, value) in [
            ("/version", serde_json::json!(2)),
            ("/phones", serde_json::json!([])),
            ("/phones/0/id", serde_json::json!(2)),
            ("/phones/0/clock_ahead_s", serde_json::json!(3_601)),
            ("/families/0/person", serde_json::json!(9)),
            ("/families/0/members", serde_json::json!([{"relation": 6, "name": "a"}])),
        ] {
            let mut bad = good.clone();
            *bad.pointer_mut(pointer).unwrap() = value;
            fs::write(&path, bad.to_string()).unwrap();
            let failure = open(&directory).err().unwrap().to_string();
            assert!(failure.contains("people.json is not what"), "{pointer}: {failure}");
        }
        fs::write(&path, good.to_string()).unwrap();
        open(&directory).unwrap();
    }
}
