//! `GET /openapi.yaml` and `GET /samples/`: what a programmer of a hospital system builds with.

use maud::html;

use crate::cli::sandbox::pages::{
    assets,
    frame::{Page, Place, texts, whole},
    messages::{Answer, Asked},
    site::Site,
};
use crate::web::files::File;

/// Text for a person: a browser shows it and runs nothing of it.
const TEXT: &str = "text/plain; charset=utf-8";

texts! {
    /// A text of the list.
    Word {
        Title "Samples" "样例";
        Lead "One small program for each language: it pays with a scanned code, and never charges twice when no answer comes. Each says at its head what must be switched off, and on." "每种语言一个小程序：用扫到的码收费，收不到应答时绝不收两次。每个文件开头写明必须关掉什么、打开什么。";
        Document "The HTTP door as OpenAPI 3.1" "HTTP 接口的 OpenAPI 3.1 文档";
    }
}

/// Makes the list of samples from their names.
macro_rules! samples {
    ($($name:literal)*) => {
        [$(File {
            path: concat!("/samples/", $name),
            kind: TEXT,
            text: include_str!(concat!("../../../../../../tests/samples/", $name)),
        },)*]
    };
}

static DOCUMENT: File = File {
    path: "/openapi.yaml",
    // RFC 9512.
    kind: "application/yaml; charset=utf-8",
    text: include_str!("../../../../../../config/openapi/yanma.yaml"),
};

static SAMPLES: [File; 8] = samples! {
    "Pay.java" "Pay.cs" "pay.py" "pay.go" "pay.pas" "PayDelphi.dpr" "pay.powerbuilder.txt" "README.md"
};

/// The file at a path.
pub(in crate::cli::sandbox::pages) fn file_at(path: &str) -> Option<&'static File> {
    SAMPLES.iter().chain([&DOCUMENT]).find(|file| file.path == path)
}

/// `GET /samples/`.
pub(in crate::cli::sandbox::pages) fn samples(site: &Site, asked: &Asked) -> Answer {
    let say = |word: Word| word.in_language(asked.language);
    let main = html! {
        h1 { (say(Word::Title)) }
        p { (say(Word::Lead)) }
        ul.files {
            @for file in &SAMPLES {
                li { a.name href=(file.path) { (file.path.trim_start_matches("/samples/")) } }
            }
            li { a href=(DOCUMENT.path) { (say(Word::Document)) } }
        }
    };
    let script = assets::PAGE.path;
    whole(site, asked, &Page { place: Place::Commands, script, styles: &[], refresh_s: None, main })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_is_found_and_no_other() {
        assert!(file_at("/openapi.yaml").unwrap().text.starts_with("openapi: 3.1"));
        assert!(file_at("/samples/Pay.java").unwrap().text.contains("HttpClient"));
        for path in ["/samples", "/samples/", "/samples/../openapi.yaml", "/samples/pay.java"] {
            assert!(file_at(path).is_none(), "{path}");
        }
    }
}
