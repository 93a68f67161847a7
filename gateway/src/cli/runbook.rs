//! `yanma runbook`: what to do when an alert fires. The texts are the files of `config/runbooks`, and
//! the binary carries them: at night it may be all that is at hand.

use std::io::{self, ErrorKind, Write};

use clap::Args;

use crate::cli::failure::Failure;

/// One text of `config/runbooks`.
pub(super) struct Runbook {
    /// The name of its file, without the ending.
    pub(super) name: &'static str,
    pub(super) text: &'static str,
}

macro_rules! runbooks {
    ($($name:literal),+ $(,)?) => {
        &[$(Runbook {
            name: $name,
            text: include_str!(concat!("../../../config/runbooks/", $name, ".md")),
        }),+]
    };
}

/// Every file of the folder, in the order of the alphabet. A test holds that none is left out.
pub(super) const RUNBOOKS: &[Runbook] = runbooks![
    "city-lost",
    "clock",
    "daily-unknowns",
    "data-dir-lost",
    "drills",
    "key-rotation",
    "leaked-seal-secret",
    "leaked-signing-key",
    "register-replacement",
    "upgrade",
    "yanma-accounts-fill",
    "yanma-accounts-set-back",
    "yanma-accounts-source-down",
    "yanma-accounts-stale",
    "yanma-accounts-stale-decision",
    "yanma-backend-down",
    "yanma-channel",
    "yanma-clock-offset",
    "yanma-clock-slow",
    "yanma-clock-stepped",
    "yanma-codes-late",
    "yanma-few-nodes",
    "yanma-forgeries",
    "yanma-gateway-faults",
    "yanma-key-expires",
    "yanma-keyring-differs",
    "yanma-limit-hit",
    "yanma-log-dropped",
    "yanma-many-unknown",
    "yanma-no-majority",
    "yanma-nobody-pays",
    "yanma-node-down",
    "yanma-observe-left-on",
    "yanma-outcome-rises",
    "yanma-outcome-unknown",
    "yanma-panicked",
    "yanma-pass-keys",
    "yanma-passes-fill",
    "yanma-passes-refused",
    "yanma-record-fails",
    "yanma-record-room",
    "yanma-register-cut-off",
    "yanma-register-lost",
    "yanma-reload-failed",
    "yanma-replay-fills",
    "yanma-seal-invalid",
    "yanma-slow",
    "yanma-verifier-slow",
    "yanma-verifier-wrong",
];

/// What the file names of alerts begin with.
const ALERT: &str = "yanma-";
/// How like a name must be to be offered for another: 0 is nothing in common, 1 is the same.
const LIKENESS_LEAST: f64 = 0.7;
/// How many names are offered.
const OFFERED_MAX: usize = 3;

/// What to do when an alert fires: prints one runbook, or the list of all
#[derive(Args)]
pub(crate) struct Arguments {
    /// An alert or a procedure: YanmaFewNodes, few-nodes, key-rotation; without it the list of all
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let shown = match &arguments.name {
        Some(name) => out.write_all(find(name)?.text.as_bytes()),
        None => write_list(&mut out),
    };
    match shown.and_then(|()| out.flush()) {
        // `yanma runbook clock | head`: the reader has had enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        shown => Ok(shown?),
    }
}

/// Finds a runbook by an alert's name, by its file's name, or by the address of its file.
fn find(name: &str) -> Result<&'static Runbook, Failure> {
    let wanted = bare(name);
    let found = RUNBOOKS.iter().find(|runbook| bare(runbook.name) == wanted);
    found.ok_or_else(|| {
        let near = nearest(&wanted);
        let near = if near.is_empty() { String::new() } else { format!("near: {near}; ") };
        Failure::Usage(format!("no runbook is called {name:?}; {near}yanma runbook lists all"))
    })
}

/// What all spellings of a name have in common: `YanmaFewNodes`, `few-nodes` and
/// `https://host/runbooks/yanma-few-nodes.md` are `fewnodes`.
fn bare(name: &str) -> String {
    let name = name.trim().to_ascii_lowercase();
    let file = name.rsplit('/').next().unwrap_or_default();
    let file = file.strip_suffix(".md").unwrap_or(file);
    let letters: String = file.chars().filter(char::is_ascii_alphanumeric).collect();
    letters.strip_prefix("yanma").map(str::to_owned).unwrap_or(letters)
}

/// The names most like `wanted`, the nearest first. Empty if none is like it.
fn nearest(wanted: &str) -> String {
    let likeness = |runbook: &Runbook| {
        let name = bare(runbook.name);
        let is_part = wanted.len() > 2 && (name.contains(wanted) || wanted.contains(&name));
        if is_part { 1.0 } else { strsim::jaro_winkler(&name, wanted) }
    };
    let mut near: Vec<(f64, &str)> =
        RUNBOOKS.iter().map(|runbook| (likeness(runbook), runbook.name)).collect();
    near.retain(|(likeness, _)| *likeness >= LIKENESS_LEAST);
    near.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    let names: Vec<&str> = near.iter().take(OFFERED_MAX).map(|(_, name)| *name).collect();
    names.join(", ")
}

fn write_list(out: &mut dyn Write) -> io::Result<()> {
    let (alerts, procedures): (Vec<_>, Vec<_>) =
        RUNBOOKS.iter().partition(|runbook| runbook.name.starts_with(ALERT));
    let width = RUNBOOKS.iter().map(|runbook| runbook.name.len()).max().unwrap_or(0);
    for (title, runbooks) in [("Alerts", alerts), ("Procedures", procedures)] {
        writeln!(out, "{title}")?;
        for runbook in runbooks {
            writeln!(out, "  {:<width$}  {}", runbook.name, runbook.meaning())?;
        }
    }
    writeln!(out, "yanma runbook NAME prints one.")
}

#[cfg(test)]
impl Arguments {
    /// Whether the name leads to a runbook; no name leads to the list.
    pub(super) fn is_known(&self) -> bool {
        self.name.as_deref().is_none_or(|name| find(name).is_ok())
    }
}

impl Runbook {
    /// The first sentence of what it means, on one line.
    fn meaning(&self) -> String {
        let (_, means) = self.text.split_once("## Means\n").unwrap_or_default();
        let (means, _) = means.split_once("\n## ").unwrap_or((means, ""));
        let words: Vec<&str> = means.split_whitespace().collect();
        let end = words.iter().position(|word| word.ends_with('.'));
        words.get(..end.map_or(words.len(), |end| end + 1)).unwrap_or_default().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn the_binary_carries_every_file_of_the_folder() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/runbooks");
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut files: Vec<String> =
            entries.map(|name| name.to_string_lossy().trim_end_matches(".md").to_owned()).collect();
        files.sort();
        let carried: Vec<&str> = RUNBOOKS.iter().map(|runbook| runbook.name).collect();
        assert_eq!(carried, files);
    }

    #[test]
    fn either_spelling_in_any_case_finds_the_same() {
        for name in [
            "YanmaFewNodes",
            "FewNodes",
            "fewnodes",
            "yanma-few-nodes",
            "few-nodes",
            "FEW-NODES",
            "few_nodes",
            "YanmaFewNodes.md",
            "few-nodes.MD",
            " https://host/runbooks/yanma-few-nodes.md\n",
        ] {
            let found = find(name).map(|runbook| runbook.name);
            assert!(matches!(found, Ok("yanma-few-nodes")), "{name}");
        }
    }

    #[test]
    fn each_runbook_is_found_by_its_own_name_alone() {
        for runbook in RUNBOOKS {
            let found = find(runbook.name).ok().map(|found| found.name);
            assert_eq!(found, Some(runbook.name));
        }
    }

    #[test]
    fn an_unknown_name_is_wrong_arguments_and_the_nearest_are_told() {
        let told = |name| find(name).err().map(|failure| (failure.status(), failure.to_string()));
        let (status, sentence) = told("YanmaFewNods").unwrap();
        assert_eq!(status, 64);
        assert!(sentence.contains("near: yanma-few-nodes"), "{sentence}");
        let (_, sentence) = told("register").unwrap();
        assert!(sentence.contains("yanma-register-lost"), "{sentence}");
        assert!(sentence.contains("register-replacement"), "{sentence}");
        for name in ["", "yanma", ".md", "qqqq"] {
            let (status, sentence) = told(name).unwrap();
            assert_eq!(status, 64);
            assert!(!sentence.contains("near:"), "{sentence}");
        }
    }

    #[test]
    fn the_list_has_a_line_and_a_sentence_for_each() {
        let mut list = Vec::new();
        write_list(&mut list).unwrap();
        let list = String::from_utf8(list).unwrap();
        for runbook in RUNBOOKS {
            let line = format!("  {} ", runbook.name);
            let line = list.lines().find(|text| text.starts_with(&line)).expect(runbook.name);
            assert!(line.ends_with('.') && line.len() < 200, "{line}");
        }
        assert_eq!(list.lines().count(), RUNBOOKS.len() + 3);
    }

    #[test]
    fn the_meaning_is_the_first_sentence_on_one_line() {
        let text = "# A\n\n## Means\n\nOne of\ntwo is down. More.\n\n## Look\n\nThere.\n";
        assert_eq!(Runbook { name: "a", text }.meaning(), "One of two is down.");
    }
}
