//! Findings as CSV (RFC 4180), for a person who works through them in a spreadsheet.

use std::io::{self, Write};

use csv::{Terminator, Writer, WriterBuilder};

use record::offline::{Finding, FoundDecision};

/// The columns, in their order. Programs read them by name.
const COLUMNS: [&str; 21] = [
    "kind",
    "time",
    "node",
    "redemption",
    "request_id",
    "client_request_id",
    "trace_id",
    "client",
    "msgid",
    "omsgid",
    "infno",
    "institution",
    "route",
    "backend",
    "endpoint",
    "outcome",
    "status",
    "spending",
    "bytes_sent",
    "place",
    "text",
];

/// Writes a table of findings.
pub(super) struct Table<W: Write>(Writer<W>);

impl<W: Write> Table<W> {
    /// Writes the header.
    pub(super) fn begin(out: W) -> io::Result<Self> {
        let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(out);
        writer.write_record(COLUMNS).map_err(io::Error::from)?;
        Ok(Self(writer))
    }

    /// Writes a row.
    pub(super) fn add(&mut self, finding: &Finding) -> io::Result<()> {
        let nothing = FoundDecision::default();
        let of = finding.decision.as_deref().unwrap_or(&nothing);
        let bytes_sent = match (&finding.decision, of.bytes_sent) {
            (None, _) => "",
            (Some(_), true) => "true",
            (Some(_), false) => "false",
        };
        let text = finding.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let cells = [
            finding.kind.word(),
            &of.time,
            &of.node,
            &of.redemption,
            &of.request_id,
            &of.client_request_id,
            &of.trace_id,
            &of.client,
            &of.msgid,
            &of.omsgid,
            &of.infno,
            &of.institution,
            &of.route,
            &of.backend,
            &of.endpoint,
            &of.outcome,
            &of.status,
            &of.spending,
            bytes_sent,
            finding.place.as_deref().unwrap_or_default(),
            &text,
        ];
        self.0.write_record(cells.map(cell)).map_err(io::Error::from)
    }

    pub(super) fn end(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A cell that a spreadsheet shows as it is.
///
/// Clients choose some texts, and a spreadsheet runs what begins as a formula does. It also rounds a
/// number of more than 15 digits, such as a message's id, and reads `12e34` as a power of ten. Such
/// cells get an apostrophe in front. Control characters become blanks.
fn cell(text: &str) -> String {
    let plain: String = text.chars().map(|one| if one.is_control() { ' ' } else { one }).collect();
    if is_formula(text) || is_rewritten(text) { format!("'{plain}") } else { plain }
}

/// Does a spreadsheet take it for a formula? The wide forms too, as some fold them (OWASP, "CSV
/// injection"). Blanks in front do not help.
fn is_formula(text: &str) -> bool {
    const STARTERS: &[char] = &['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];
    let starts = |one: &str| one.starts_with(STARTERS);
    text.starts_with(char::is_control) || starts(text) || starts(text.trim_start())
}

/// Is it a number to a spreadsheet, and another one afterwards?
fn is_rewritten(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let is_number = text.starts_with(|one: char| one.is_ascii_digit() || one == '.')
        && text.bytes().all(|byte| byte.is_ascii_digit() || b"eE.,+-".contains(&byte));
    let has_power = text.contains(['e', 'E']);
    is_number && (digits > 15 || has_power || (digits > 1 && text.starts_with('0')))
}

#[cfg(test)]
mod tests {
    use record::offline::FindingKind;

    use super::*;

    fn table(findings: &[Finding]) -> String {
        let mut out = Vec::new();
        let mut table = Table::begin(&mut out).unwrap();
        findings.iter().for_each(|finding| table.add(finding).unwrap());
        table.end().unwrap();
        String::from_utf8(out).unwrap()
    }

    fn unknown(client_request_id: &str, msgid: &str) -> Finding {
        let decision = FoundDecision {
            node: "a".to_owned(),
            client_request_id: client_request_id.to_owned(),
            msgid: msgid.to_owned(),
            bytes_sent: true,
            ..FoundDecision::default()
        };
        Finding {
            kind: FindingKind::Unknown,
            text: "one\n         two".to_owned(),
            place: Some("a.jsonl:7".to_owned()),
            decision: Some(Box::new(decision)),
        }
    }

    #[test]
    fn a_row_has_the_columns_of_the_header_and_ends_as_the_rfc_says() {
        let text = table(&[unknown("H\"3,7", "M1")]);
        let lines: Vec<&str> = text.strip_suffix("\r\n").unwrap().split("\r\n").collect();
        assert_eq!(lines[0], COLUMNS.join(","));
        assert_eq!(lines[1], "UNKNOWN,,a,,,\"H\"\"3,7\",,,M1,,,,,,,,,,true,a.jsonl:7,one two");
        let note =
            Finding { kind: FindingKind::Note, text: "t".to_owned(), place: None, decision: None };
        let text = table(&[note]);
        assert!(text.ends_with("\r\nNOTE,,,,,,,,,,,,,,,,,,,,t\r\n"), "{text}");
    }

    #[test]
    fn what_a_client_sent_is_no_formula_and_stays_the_number_that_it_was() {
        for text in [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            " =1+1",
            "\t=1",
            "\r=1",
            "\u{ff1d}1",
            "=cmd|' /C calc'!A0",
            "370100000001202611260930211234",
            "1234567890123456",
            "123e45",
            "12E5",
            "007",
        ] {
            let found = cell(text);
            assert!(
                found.starts_with('\'') && !found.contains(char::is_control),
                "{text}: {found}"
            );
        }
        for text in
            ["", "200", "123456789012345", "0", "2207", "H=1", "10.1.2.3", "7001-1-2a", "a-b"]
        {
            assert_eq!(cell(text), text);
        }
        assert_eq!(cell("a\nb\u{7}"), "a b ");
    }
}
