//! What an expression of Prometheus names: metrics, the labels that it compares, and those that it
//! groups by. The Prometheus of the tests judges the rest of the language.

use std::iter::Peekable;
use std::str::Chars;

#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Names {
    /// Metrics in their order, each with its matchers: label, operator, value.
    pub(super) selectors: Vec<(String, Vec<[String; 3]>)>,
    /// Labels after `by`, `on` and the like.
    pub(super) groupings: Vec<String>,
}

const BEFORE_LABELS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];
/// Words of the language, of which the aggregations may stand before `by`.
const NO_METRICS: [&str; 12] =
    ["and", "or", "unless", "bool", "offset", "sum", "min", "max", "avg", "count", "topk", "group"];

/// What `expression` names. Variables of Grafana may stand where Grafana has them: in texts and ranges.
pub(super) fn names(expression: &str) -> Names {
    let mut names = Names::default();
    let mut rest = expression.chars().peekable();
    while let Some(&next) = rest.peek() {
        match next {
            '[' => drop(until(&mut rest, ']')),
            '0'..='9' => drop(word(&mut rest)),
            _ if is_of_word(next) => named(&mut rest, &mut names),
            '{' | '"' | '$' => panic!("no metric before {next} in {expression}"),
            _ => drop(rest.next()),
        }
    }
    names
}

/// Takes a word, and what belongs to it.
fn named(rest: &mut Peekable<Chars<'_>>, names: &mut Names) {
    let word = word(rest);
    blanks(rest);
    let is_called = rest.peek() == Some(&'(');
    if BEFORE_LABELS.contains(&word.as_str()) {
        assert!(is_called, "labels after {word} are in parentheses");
        rest.next();
        let labels = until(rest, ')');
        names.groupings.extend(
            labels.split(',').map(|one| one.trim().to_owned()).filter(|one| !one.is_empty()),
        );
    } else if !is_called && !NO_METRICS.contains(&word.as_str()) {
        let matchers = if rest.next_if_eq(&'{').is_some() { matchers(rest) } else { Vec::new() };
        names.selectors.push((word, matchers));
    }
}

/// Takes `a="1", b=~"2"}`. A value is as it is written, escapes and all.
fn matchers(rest: &mut Peekable<Chars<'_>>) -> Vec<[String; 3]> {
    let mut found = Vec::new();
    loop {
        while rest.next_if(|&one| one == ' ' || one == ',').is_some() {}
        if rest.next_if_eq(&'}').is_some() {
            return found;
        }
        let label = word(rest);
        let operator: String =
            std::iter::from_fn(|| rest.next_if(|one| "=!~".contains(*one))).collect();
        assert!(
            !label.is_empty() && rest.next() == Some('"'),
            "a matcher is label, operator, \"text\""
        );
        let mut value = String::new();
        while let Some(one) = rest.next().filter(|&one| one != '"') {
            value.push(one);
            if one == '\\' {
                value.extend(rest.next());
            }
        }
        found.push([label, operator, value]);
    }
}

fn word(rest: &mut Peekable<Chars<'_>>) -> String {
    std::iter::from_fn(|| rest.next_if(|&one| is_of_word(one) || one == '.')).collect()
}

fn is_of_word(one: char) -> bool {
    one.is_ascii_alphanumeric() || one == '_' || one == ':'
}

fn blanks(rest: &mut Peekable<Chars<'_>>) {
    while rest.next_if_eq(&' ').is_some() {}
}

/// All before `end`, which is taken too.
fn until(rest: &mut Peekable<Chars<'_>>, end: char) -> String {
    std::iter::from_fn(|| rest.next().filter(|&one| one != end)).collect()
}

#[test]
fn names_are_found_in_every_part_of_the_language() {
    let found = names(
        "1 - sum by (a, b) (rate(x_bucket{le=~\"50(\\\\.0)?\", c!=\"}\"}[$__rate_interval])) \
         / on (d) group_left () (x:y > bool 1e-9) and z offset 1d or vector(0)",
    );
    let matcher = |one: [&str; 3]| one.map(str::to_owned);
    let matchers = vec![matcher(["le", "=~", "50(\\\\.0)?"]), matcher(["c", "!=", "}"])];
    let bare = |metric: &str| (metric.to_owned(), Vec::new());
    assert_eq!(found.selectors, [("x_bucket".to_owned(), matchers), bare("x:y"), bare("z")]);
    assert_eq!(found.groupings, ["a", "b", "d"]);
}
