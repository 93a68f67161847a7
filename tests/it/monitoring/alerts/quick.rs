//! The rules in a hurry: the same expressions over shorter times.
//!
//! An alert that waits for ten minutes cannot be awaited in a test. Here each duration that a rule waits
//! for, looks back over, or is evaluated after is divided by a number. Nothing else is changed: no threshold,
//! no matcher, and no seconds that are compared with a timestamp.

/// Rules whose `for:`, `interval:`, ranges `[5m]` and `offset 1d` are divided by `factor`, to whole
/// milliseconds and at least one.
pub(super) fn quicker(rules: &str, factor: u64) -> String {
    let lines = rules.lines().map(|line| quicker_line(line, factor));
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

fn quicker_line(line: &str, factor: u64) -> String {
    let begin = line.trim_start();
    if begin.starts_with('#') {
        return line.to_owned();
    }
    let marks: &[&str] = match begin {
        _ if begin.starts_with("for: ") => &["for: "],
        _ if begin.starts_with("interval: ") => &["interval: "],
        _ => &["[", "offset "],
    };
    marks.iter().fold(line.to_owned(), |line, mark| divided_after(&line, mark, factor))
}

/// Divides each duration that follows a mark.
fn divided_after(line: &str, mark: &str, factor: u64) -> String {
    let mut parts = line.split(mark);
    let mut divided = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        divided.push_str(mark);
        match duration(part) {
            Some((ms, rest)) => divided.push_str(&format!("{}ms{rest}", (ms / factor).max(1))),
            None => divided.push_str(part),
        }
    }
    divided
}

/// A duration of one unit in milliseconds, and what follows it.
fn duration(text: &str) -> Option<(u64, &str)> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
    units.iter().find_map(|(unit, ms)| Some((number * ms, rest.strip_prefix(unit)?)))
}

#[test]
fn durations_are_divided_and_nothing_else_is() {
    let rules = "groups:
  - name: yanma_x
    interval: 30s
    rules:
      # Of 5m, [5m].
      - alert: YanmaX
        expr: |
          a{le=\"0.01\"}[5m] - b[1h] offset 1d > 600 unless c offset 10m
        for: 10s
        annotations:
          summary: It lasts for 5m, interval: 5m, {{ $value }}[a].
";
    let expected = "groups:
  - name: yanma_x
    interval: 500ms
    rules:
      # Of 5m, [5m].
      - alert: YanmaX
        expr: |
          a{le=\"0.01\"}[5000ms] - b[60000ms] offset 1440000ms > 600 unless c offset 10000ms
        for: 166ms
        annotations:
          summary: It lasts for 5m, interval: 5m, {{ $value }}[a].
";
    assert_eq!(quicker(rules, 60), expected);
    assert_eq!(quicker_line("for: 20ms", 60), "for: 1ms");
}

#[test]
fn no_duration_of_the_rules_is_left_as_it_was() {
    for file in super::files::rule_files() {
        let before = file.text.lines().filter(|line| !line.trim_start().starts_with('#'));
        for line in before {
            let quick = quicker_line(line, 7);
            let has = |text: &str| line.contains(text);
            let waits = has("        for: ") || has("m]") || has("h]") || has(" offset ");
            assert_eq!(quick != line, waits || has("interval: "), "{line}");
        }
    }
}
