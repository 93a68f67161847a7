//! What the pages' listener answers.

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{CONTENT_LANGUAGE, CONTENT_TYPE, VARY},
};
use http_body_util::{Either, Full};
use serde::Serialize;
use serde_json::json;

use crate::cli::sandbox::pages::events::stream::EventStream;
use crate::web::{files::File, language::Language};

/// The body of an answer: whole, or events that come one after the other.
pub(in crate::cli::sandbox::pages) type Stream = Either<Full<Bytes>, EventStream>;
/// An answer.
pub(in crate::cli::sandbox::pages) type Answer = Response<Stream>;

/// Why nothing was done, for the person who asked.
#[derive(Debug)]
pub(in crate::cli::sandbox::pages) struct Problem {
    pub(in crate::cli::sandbox::pages) status: StatusCode,
    pub(in crate::cli::sandbox::pages) sentence: String,
}

impl Problem {
    pub(in crate::cli::sandbox::pages) fn new(
        status: StatusCode,
        sentence: impl Into<String>,
    ) -> Self {
        Self { status, sentence: sentence.into() }
    }

    /// What was sent is not right.
    pub(in crate::cli::sandbox::pages) fn bad(sentence: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, sentence)
    }

    /// It does not fit what is there now.
    pub(in crate::cli::sandbox::pages) fn conflict(sentence: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, sentence)
    }

    pub(in crate::cli::sandbox::pages) fn answer(&self) -> Answer {
        json(self.status, &json!({ "error": self.sentence }))
    }
}

impl From<Problem> for Answer {
    fn from(problem: Problem) -> Self {
        problem.answer()
    }
}

pub(in crate::cli::sandbox::pages) fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    let text = serde_json::to_vec(value).expect("maps with text keys");
    whole(status, "application/json", text)
}

pub(in crate::cli::sandbox::pages) fn text(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    whole(status, "text/plain; charset=utf-8", text)
}

pub(in crate::cli::sandbox::pages) fn html(language: Language, page: String) -> Answer {
    let mut answer = whole(StatusCode::OK, "text/html; charset=utf-8", page);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
    headers.insert(VARY, HeaderValue::from_static("Accept-Language"));
    answer
}

pub(in crate::cli::sandbox::pages) fn file(file: &File) -> Answer {
    whole(StatusCode::OK, file.kind, file.text)
}

/// A picture, or another document.
pub(in crate::cli::sandbox::pages) fn bytes(kind: &'static str, body: impl Into<Bytes>) -> Answer {
    whole(StatusCode::OK, kind, body)
}

/// A whole answer of a media type.
fn whole(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Either::Left(Full::new(body.into())));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}
