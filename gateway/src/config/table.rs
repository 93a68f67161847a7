//! Reads one table of the file: each key once, in its range, and no unknown key.
//!
//! A reader never stops at a problem. It notes the problem and goes on with the default. At the end
//! a configuration with problems is discarded. So a person sees all problems at once.

use std::cell::RefCell;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::error::{ConfigError, Problem};
use crate::limits::{NAME_BYTES_MAX, Setting};

/// Characters of a value that an error message repeats.
const SHOWN_CHARS_MAX: usize = 60;

/// How many syntax errors of a file are reported. Later ones only follow from the first.
const FORM_PROBLEMS_MAX: usize = 10;

/// The names that [`Table::label`] accepts.
pub(super) const NAME_ALLOWED: &str = "1 to 32 of a-z, 0-9 and -";
const _: () = assert!(NAME_BYTES_MAX == 32);

/// Parses a text as TOML.
///
/// # Errors
/// The first places where the text is no TOML.
pub(super) fn document<'t>(
    text: &'t str,
    file: &Path,
) -> Result<Spanned<DeTable<'t>>, ConfigError> {
    let (document, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Ok(document);
    }
    let mut problems: Vec<Problem> = errors.iter().map(|error| problem(text, error)).collect();
    // One slip of the pen can be reported several times.
    problems.dedup();
    let more = problems.len().saturating_sub(FORM_PROBLEMS_MAX);
    problems.truncate(FORM_PROBLEMS_MAX);
    if more > 0 {
        let text = format!("this is no TOML in {more} more places");
        problems.push(Problem { line: None, text });
    }
    Err(ConfigError::new(file, problems))
}

fn problem(text: &str, error: &toml::de::Error) -> Problem {
    let span = error.span();
    let line = span.as_ref().map(|span| line_of(text, span.start));
    let mut said = error.message().replace('\n', ", ");
    if let Some(mistyped) = span.and_then(|span| keyring::text::mistyped(text, span)) {
        said = format!("{mistyped} ({said})");
    }
    Problem { line, text: said }
}

/// The text of a file, with the problems found so far.
pub(super) struct Source<'t> {
    text: &'t str,
    base: &'t Path,
    problems: RefCell<Vec<Problem>>,
    notes: RefCell<Vec<String>>,
}

impl<'t> Source<'t> {
    pub(super) fn new(text: &'t str, base: &'t Path) -> Self {
        Self { text, base, problems: RefCell::default(), notes: RefCell::default() }
    }

    /// The value if no problem was found.
    pub(super) fn into_result<T>(self, value: T, file: &Path) -> Result<T, ConfigError> {
        let problems = self.problems.into_inner();
        if problems.is_empty() { Ok(value) } else { Err(ConfigError::new(file, problems)) }
    }

    /// The readers' notes: settings that are odd but allowed.
    pub(super) fn notes(&self) -> Vec<String> {
        self.notes.borrow().clone()
    }

    fn report(&self, line: Option<usize>, text: String) {
        self.problems.borrow_mut().push(Problem { line, text });
    }

    /// A value as it is written in the file, shortened.
    fn written(&self, span: Range<usize>) -> String {
        let value = self.text.get(span).unwrap_or_default();
        let shown: String =
            value.chars().take_while(|c| *c != '\n').take(SHOWN_CHARS_MAX).collect();
        if shown.len() < value.len() { shown + "..." } else { shown }
    }
}

/// One table of the file. [`Table::finish`] must be called last: it finds the unknown keys.
pub(super) struct Table<'s> {
    source: &'s Source<'s>,
    /// `limits`, `backend[2]` (counted from one); empty for the file itself.
    path: String,
    entries: Option<&'s DeTable<'s>>,
    line: Option<usize>,
    known: Vec<&'static str>,
}

/// A value with its place, which error messages name.
pub(super) struct Item<'s> {
    source: &'s Source<'s>,
    key: String,
    value: &'s Spanned<DeValue<'s>>,
}

impl<'s> Table<'s> {
    pub(super) fn root(source: &'s Source<'s>, entries: &'s DeTable<'s>) -> Self {
        Self { source, path: String::new(), entries: Some(entries), line: None, known: Vec::new() }
    }

    /// A table in this one; empty if the file has none.
    pub(super) fn table(&mut self, key: &'static str) -> Table<'s> {
        let path = self.path_of(key);
        match self.item(key) {
            Some(item) => item.table(),
            None => Table { source: self.source, path, entries: None, line: None, known: vec![] },
        }
    }

    /// The tables of an array `[[key]]`, of which there may be `max`; none if the file has none.
    pub(super) fn tables(&mut self, key: &'static str, max: usize) -> Vec<Table<'s>> {
        let single = self.entries.and_then(|entries| entries.get(key)).filter(|value| {
            // `[backend]`, where `[[backend]]` was meant.
            value.get_ref().as_table().is_some()
        });
        if let Some(value) = single {
            self.known.push(key);
            let item = Item { source: self.source, key: self.path_of(key), value };
            item.problem(&format!("{key} is a single table: write [[{key}]], in double brackets"));
            return Vec::new();
        }
        self.items(key, max).into_iter().flatten().map(|item| item.table()).collect()
    }

    /// A number in its range.
    pub(super) fn number<T: TryFrom<u64>>(&mut self, key: &'static str, setting: Setting) -> T {
        let read = |item: &Item<'_>| item.integer().filter(|value| setting.allows(*value));
        let value = self.get(key, read, || setting.to_string()).unwrap_or(setting.default);
        T::try_from(value).ok().expect("a setting's range fits its type")
    }

    pub(super) fn boolean(&mut self, key: &'static str, default: bool) -> bool {
        self.get(key, |item| item.value.get_ref().as_bool(), || "true or false".to_owned())
            .unwrap_or(default)
    }

    /// A string that `read` understands. Otherwise notes a problem that says `allowed`. `None` if
    /// the key is missing or wrong.
    pub(super) fn string<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
        allowed: &str,
    ) -> Option<T> {
        self.get(key, |item| item.string().and_then(read), || allowed.to_owned())
    }

    /// A string that must be there.
    pub(super) fn required<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
        allowed: &str,
    ) -> Option<T> {
        self.missing(key, allowed);
        self.string(key, read, allowed)
    }

    /// A name that becomes a metric label or is compared with one.
    pub(super) fn label(&mut self, key: &'static str) -> Option<String> {
        let is_label_byte = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        let read = |text: &str| {
            let fits = (1..=NAME_BYTES_MAX).contains(&text.len());
            (fits && text.bytes().all(is_label_byte)).then(|| text.to_owned())
        };
        self.string(key, read, NAME_ALLOWED)
    }

    /// A group of the machine: its name as `groupadd` takes it, or its number.
    pub(super) fn group(&mut self, key: &'static str) -> Option<String> {
        let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let read = |text: &str| {
            let fits = (1..=NAME_BYTES_MAX).contains(&text.len());
            (fits && text.bytes().all(is_name_byte)).then(|| text.to_owned())
        };
        self.string(key, read, "the name of a group, or its number in quotes")
    }

    /// A file or directory: not empty, relative to the configuration file.
    pub(super) fn path(&mut self, key: &'static str, default: &str) -> PathBuf {
        let read = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let written = self.string(key, read, "the path of a directory");
        self.source.base.join(written.as_deref().unwrap_or(default))
    }

    /// The values of an array of at least one and at most `max`. `None` if the key is missing or
    /// not such an array.
    pub(super) fn items(&mut self, key: &'static str, max: usize) -> Option<Vec<Item<'s>>> {
        let item = self.item(key)?;
        let items = item.array().filter(|items| (1..=max).contains(&items.len()));
        if items.is_none() {
            item.refuse(&format!("an array of 1 to {max} values; or leave the key out"));
        }
        items
    }

    /// A key, which counts as known from now on; `None` if it is missing.
    pub(super) fn item(&mut self, key: &'static str) -> Option<Item<'s>> {
        self.known.push(key);
        let value = self.entries?.get(key)?;
        Some(Item { source: self.source, key: self.path_of(key), value })
    }

    /// Whether the file has this key.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.is_some_and(|entries| entries.contains_key(key))
    }

    /// The values of a table whose keys the file's author chooses, at most `max`.
    pub(super) fn entries(&self, max: usize) -> Vec<(&'s str, Item<'s>)> {
        let entries = self.entries.into_iter().flatten();
        let entry = |(key, value): (&'s Spanned<_>, _)| {
            let name: &'s str = AsRef::<str>::as_ref(key.get_ref());
            let key = format!("{}.\"{name}\"", self.path);
            (name, Item { source: self.source, key, value })
        };
        let entries: Vec<_> = entries.map(entry).collect();
        if entries.len() > max {
            self.problem(&format!("{} must have at most {max} keys", self.path));
        }
        entries
    }

    /// A problem: a required key is missing.
    pub(super) fn missing(&self, key: &str, allowed: &str) {
        if !self.has(key) {
            let key = self.path_of(key);
            self.source.report(self.line, format!("{key} is missing: must be {allowed}"));
        }
    }

    /// A problem of the table as a whole.
    pub(super) fn problem(&self, text: &str) {
        self.source.report(self.line, text.to_owned());
    }

    /// A note: the setting is odd but allowed.
    pub(super) fn note(&self, text: String) {
        self.source.notes.borrow_mut().push(text);
    }

    /// The directory that relative paths start from.
    pub(super) fn base(&self) -> &'s Path {
        self.source.base
    }

    /// The table's name in the file, for messages.
    pub(super) fn name(&self) -> &str {
        &self.path
    }

    /// Reports the keys that no reader asked for.
    pub(super) fn finish(&self) {
        for key in self.entries.into_iter().flat_map(DeTable::keys) {
            let name: &str = key.get_ref();
            if !self.known.contains(&name) {
                let line = line_of(self.source.text, key.span().start);
                let known = self.known.join(", ");
                let text = format!("{} is not a key: must be one of {known}", self.path_of(name));
                self.source.report(Some(line), text);
            }
        }
    }

    fn get<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Item<'s>) -> Option<T>,
        allowed: impl FnOnce() -> String,
    ) -> Option<T> {
        let item = self.item(key)?;
        let value = read(&item);
        if value.is_none() {
            item.refuse(&allowed());
        }
        value
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}

impl<'s> Item<'s> {
    /// The value as a string; `None` if it is of another type.
    pub(super) fn string(&self) -> Option<&'s str> {
        self.value.get_ref().as_str()
    }

    /// The value as an array of strings; `None` if it is of another type.
    pub(super) fn strings(&self) -> Option<Vec<&'s str>> {
        self.array()?.iter().map(Item::string).collect()
    }

    /// A problem: the value is not what `allowed` says.
    pub(super) fn refuse(&self, allowed: &str) {
        let written = self.source.written(self.value.span());
        self.problem(&format!("{} = {written}: must be {allowed}", self.key));
    }

    /// A problem with a value that may hold a password, which the message must not repeat.
    pub(super) fn refuse_secret(&self, allowed: &str) {
        self.problem(&format!("{}: must be {allowed}", self.key));
    }

    /// A problem: the key is not what `allowed` says.
    pub(super) fn refuse_key(&self, allowed: &str) {
        self.problem(&format!("{}: the key must be {allowed}", self.key));
    }

    /// A problem with a sentence of its own.
    fn problem(&self, text: &str) {
        self.source.report(Some(self.line()), text.to_owned());
    }

    fn integer(&self) -> Option<u64> {
        let integer: &DeInteger<'_> = self.value.get_ref().as_integer()?;
        u64::from_str_radix(integer.as_str(), integer.radix()).ok()
    }

    fn array(&self) -> Option<Vec<Item<'s>>> {
        let item = |(i, value)| {
            let key = format!("{}[{}]", self.key, i + 1);
            Item { source: self.source, key, value }
        };
        Some(self.value.get_ref().as_array()?.iter().enumerate().map(item).collect())
    }

    pub(super) fn table(&self) -> Table<'s> {
        let entries = self.value.get_ref().as_table();
        if entries.is_none() {
            self.refuse("a table");
        }
        let (source, path) = (self.source, self.key.clone());
        Table { source, path, entries, line: Some(self.line()), known: Vec::new() }
    }

    fn line(&self) -> usize {
        line_of(self.source.text, self.value.span().start)
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
