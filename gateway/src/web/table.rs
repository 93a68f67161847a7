//! Tables and single values of a JSON document, as HTML.
//!
//! An element says in `data-at` which value it shows and in `data-as` how; `data-list` is an array
//! with a row for each of its elements. `assets/bind.js` reads the same attributes.

use maud::{Markup, html};
use serde_json::Value;

use super::value::Form;

/// A word of a closed set as a page shows it.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) text: &'static str,
    pub(crate) tone: Tone,
}

/// How a word is coloured. The word alone says the same.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Tone {
    Plain,
    Good,
    Warn,
    Bad,
}

impl Tone {
    /// The value of `data-tone`.
    pub(crate) const fn name(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Good => Some("good"),
            Self::Warn => Some("warn"),
            Self::Bad => Some("bad"),
        }
    }
}

/// The words of closed sets, in the page's language.
pub(crate) type Words<'a> = &'a dyn Fn(&str) -> Option<Shown>;

/// One column: its heading, the value's place in a row, and how it is written.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Column {
    pub(crate) head: &'static str,
    pub(crate) at: &'static str,
    pub(crate) form: Form,
}

/// A list of a document as a table. The first column names the row.
#[derive(Debug)]
pub(crate) struct Table<'a> {
    /// The element that names the table.
    pub(crate) named_by: &'a str,
    /// The place of the list in the document.
    pub(crate) list: &'static str,
    pub(crate) columns: &'a [Column],
    /// What stands there if the list is empty.
    pub(crate) none: &'static str,
}

/// The value at a path of names with full stops between them.
pub(crate) fn at<'v>(value: &'v Value, path: &str) -> &'v Value {
    path.split('.').try_fold(value, |value, name| value.get(name)).unwrap_or(&Value::Null)
}

/// One value of the document.
pub(crate) fn single(document: &Value, path: &str, form: Form, words: Words<'_>) -> Markup {
    let shown = cell(at(document, path), form, words);
    html! {
        span data-at=(path) data-as=(form.name()) data-unit=[form.unit()] data-tone=[shown.tone] {
            (shown.text)
        }
    }
}

/// A table in a frame that can be scrolled by keyboard where it is too wide.
pub(crate) fn table(table: &Table<'_>, document: &Value, words: Words<'_>) -> Markup {
    let rows = at(document, table.list).as_array().map(Vec::as_slice).unwrap_or_default();
    html! {
        div.scroll role="group" tabindex="0" aria-labelledby=(table.named_by) {
            table aria-labelledby=(table.named_by) {
                thead {
                    tr {
                        @for column in table.columns {
                            th scope="col" class=[class(column.form)] { (column.head) }
                        }
                    }
                }
                tbody data-list=(table.list) {
                    template { (row(table.columns, &Value::Null, words)) }
                    @for item in rows { (row(table.columns, item, words)) }
                }
            }
        }
        p.none { (table.none) }
    }
}

fn row(columns: &[Column], item: &Value, words: Words<'_>) -> Markup {
    html! {
        tr {
            @for (number, column) in columns.iter().enumerate() {
                @let Column { at: path, form, .. } = *column;
                @let shown = cell(at(item, path), form, words);
                @let unit = form.unit();
                @if number == 0 {
                    th scope="row" class=[class(form)] data-at=(path) data-as=(form.name())
                        data-unit=[unit] data-tone=[shown.tone] { (shown.text) }
                } @else {
                    td class=[class(form)] data-at=(path) data-as=(form.name())
                        data-unit=[unit] data-tone=[shown.tone] { (shown.text) }
                }
            }
        }
    }
}

struct Cell {
    text: String,
    tone: Option<&'static str>,
}

fn cell(value: &Value, form: Form, words: Words<'_>) -> Cell {
    let word = value.as_str().filter(|_| form == Form::Word).and_then(words);
    let text = word.map_or_else(|| form.show(value), |word| word.text.to_owned());
    Cell { text, tone: word.and_then(|word| word.tone.name()) }
}

const fn class(form: Form) -> Option<&'static str> {
    match form {
        Form::Text | Form::Word => None,
        Form::Name => Some("name"),
        Form::Number(_) | Form::Bytes | Form::Span => Some("number"),
        Form::Moment | Form::Millis | Form::Clock => Some("moment"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const COLUMNS: &[Column] = &[
        Column { head: "Name", at: "name", form: Form::Name },
        Column { head: "State", at: "state", form: Form::Word },
    ];

    fn words(word: &str) -> Option<Shown> {
        (word == "down").then_some(Shown { text: "停", tone: Tone::Bad })
    }

    #[test]
    fn what_comes_from_outside_is_escaped() {
        let data = json!({"rows": [{"name": "<img src=x>\"&", "state": "<b>"}]});
        let shown = Table { named_by: "h", list: "rows", columns: COLUMNS, none: "" };
        let html = table(&shown, &data, &words).into_string();
        assert!(html.contains("&lt;img src=x&gt;&quot;&amp;"), "{html}");
        assert!(html.contains("&lt;b&gt;") && !html.contains("<b>"), "{html}");
    }

    #[test]
    fn words_of_closed_sets_are_in_the_pages_language() {
        let data = json!({"a": {"b": "down"}, "c": "down"});
        let html = single(&data, "a.b", Form::Word, &words).into_string();
        assert_eq!(html, "<span data-at=\"a.b\" data-as=\"word\" data-tone=\"bad\">停</span>");
        let html = single(&data, "c", Form::Text, &words).into_string();
        assert!(html.contains(">down<"), "{html}");
        assert_eq!(at(&data, "a.x.y"), &Value::Null);
    }
}
