//! Each `yanma` command of each runbook is one that this program takes.
//!
//! Read are the blocks of shell text and what stands in backticks and begins with `yanma `. Words in capitals
//! stand for what the operator fills in; here they are replaced by an example.

use super::*;
use crate::cli::runbook::RUNBOOKS;

/// What a word in capitals stands for. Where none of these stands, the word is taken as it is.
const PLACEHOLDERS: &[(&str, &str)] = &[
    ("CHANNEL", "wechat"),
    ("DIGITS", "0506655003963680959109749995956"),
    ("KEY_ID", "7001"),
    ("NEW_KEY_ID", "7002"),
    ("OUTCOME", "code_used"),
    ("PASS_KEY_ID", "2"),
    ("REDEMPTION", "7001-1795658521-000000000000002a"),
    ("TIME", "2026-11-28T03:00:00+08:00"),
];

/// What ends one command in a line of a shell.
const BETWEEN: &[&str] = &["|", ";", "&&", ">", "<"];

#[test]
fn each_command_is_one_that_the_program_takes() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for runbook in RUNBOOKS {
        for command in commands(runbook.text) {
            count += 1;
            let words = command.iter().map(|word| filled_in(word));
            let parsed =
                Arguments::try_parse_from(words).map_err(|error| (usage_status(&error), error));
            match parsed {
                // --help is an error of clap's that is none.
                Ok(_) | Err((0, _)) => {}
                Err((_, error)) => wrong.push(format!("{}: {command:?}: {error}", runbook.name)),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 100, "{count} commands were found");
}

#[test]
fn each_runbook_that_a_runbook_names_is_there() {
    for runbook in RUNBOOKS {
        for command in commands(runbook.text).iter().filter(|words| words[1] == "runbook") {
            let parsed = Arguments::try_parse_from(command).map(|arguments| arguments.program);
            let Ok(Program::Runbook(arguments)) = parsed else { panic!("{command:?}") };
            assert!(arguments.is_known(), "{}: {command:?}", runbook.name);
        }
    }
}

#[test]
fn the_reader_of_commands_finds_what_a_person_would_paste() {
    let text = "A `yanma runbook clock` and `--yes`.\n\n```sh\nyanma check --config /a; echo \"exit $?\"\n   \
                sudo -u yanma yanma keys list \\\n  --keyring 'a b' # yanma not\nls | yanma inspect\n```\n\
                ```toml\nyanma no\n```\n";
    let expected: &[&[&str]] = &[
        &["yanma", "runbook", "clock"],
        &["yanma", "check", "--config", "/a"],
        &["yanma", "keys", "list", "--keyring", "a b"],
        &["yanma", "inspect"],
    ];
    assert_eq!(commands(text), expected);
}

/// The words of each command, `yanma` first.
fn commands(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut fence: Option<&str> = None;
    let mut begun = String::new();
    for line in text.lines() {
        if let Some(kind) = line.trim_start().strip_prefix("```") {
            fence = if fence.is_none() { Some(kind) } else { None };
            continue;
        }
        match fence {
            None => {
                let quoted = line.split('`').skip(1).step_by(2);
                let ours = quoted.filter(|text| text.starts_with("yanma "));
                found.extend(ours.flat_map(in_line));
            }
            Some("sh") => {
                begun.push_str(line.trim_end_matches('\\'));
                if !line.ends_with('\\') {
                    found.extend(in_line(&begun));
                    begun.clear();
                }
            }
            Some(_) => {}
        }
    }
    found
}

/// The commands of one line of a shell: `yanma` where a command begins, or behind `sudo -u yanma`.
fn in_line(line: &str) -> Vec<Vec<String>> {
    let words = words(line);
    let parts = words.split(|word| BETWEEN.contains(&word.as_str()));
    let program = |part: &[String]| {
        let part = part.strip_prefix(&["sudo", "-u", "yanma"].map(str::to_owned)).unwrap_or(part);
        (part.first().map(String::as_str) == Some("yanma")).then(|| part.to_vec())
    };
    parts.filter_map(program).collect()
}

/// Words as a shell divides them, as far as runbooks go: blanks, both quotes, a comment, and what stands
/// between commands as a word of its own.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for letter in line.chars() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (None, '\'' | '"') => quote = Some(letter),
            (None, '#') if words.last().is_some_and(String::is_empty) => break,
            (None, ' ') => words.push(String::new()),
            (None, ';' | '|' | '>' | '<') => words.extend([letter.to_string(), String::new()]),
            _ => words.last_mut().expect("there is one").push(letter),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn filled_in(word: &str) -> String {
    let example = PLACEHOLDERS.iter().find(|(name, _)| *name == word);
    example.map_or(word, |(_, example)| *example).to_owned()
}
