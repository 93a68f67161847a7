//! A request that has passed the listener's checks, with its body.

use bytes::Bytes;
use http::HeaderMap;
use serde::de::DeserializeOwned;

use super::answer::Problem;
use crate::http::percent;
use crate::web::language::Language;

/// A request whose host and origin are ours, whose body is read and of the endpoint's type.
#[derive(Debug)]
pub(in crate::cli::sandbox::pages) struct Asked {
    pub(in crate::cli::sandbox::pages) path: String,
    pub(in crate::cli::sandbox::pages) query: Option<String>,
    pub(in crate::cli::sandbox::pages) headers: HeaderMap,
    pub(in crate::cli::sandbox::pages) body: Bytes,
    pub(in crate::cli::sandbox::pages) language: Language,
}

impl Asked {
    /// A text in the page's language.
    pub(in crate::cli::sandbox::pages) fn say(
        &self,
        english: &'static str,
        chinese: &'static str,
    ) -> &'static str {
        match self.language {
            Language::English => english,
            Language::Chinese => chinese,
        }
    }

    /// The value of a field of the query, without escapes; the first, if there are several.
    pub(in crate::cli::sandbox::pages) fn field(&self, name: &str) -> Option<String> {
        let query = self.query.as_deref()?;
        let mut fields = query.split('&').filter_map(|field| field.split_once('='));
        let (_, value) = fields.find(|(found, _)| *found == name)?;
        Some(unescaped(value))
    }

    /// The body as JSON. No body is an object without members.
    ///
    /// # Errors
    /// It is no JSON of that form; the sentence says where.
    pub(in crate::cli::sandbox::pages) fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let body: &[u8] = if self.body.trim_ascii().is_empty() { b"{}" } else { &self.body };
        serde_json::from_slice(body).map_err(|error| {
            let what = self.say("The JSON of the body is not right", "请求体的 JSON 有误");
            Problem::bad(format!("{what}: {error}"))
        })
    }
}

/// Escapes of a query (`%41`, `+`), decoded; what is none stands for itself.
fn unescaped(text: &str) -> String {
    percent::decode_form(text).unwrap_or_else(|| text.replace('+', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str, body: &str) -> Asked {
        Asked {
            path: "/".to_owned(),
            query: Some(query.to_owned()),
            headers: HeaderMap::new(),
            body: body.to_owned().into(),
            language: Language::English,
        }
    }

    #[test]
    fn a_field_is_read_without_its_escapes() {
        let cases = [
            ("a=1&b=2", Some("2")),
            ("b=%E5%86%BB+%2B", Some("冻 +")),
            ("b=%zz%4", Some("%zz%4")),
            ("b=%+1", Some("% 1")),
            ("b=1&b=2", Some("1")),
            ("b", None),
            ("", None),
        ];
        for (query, expected) in cases {
            assert_eq!(asked(query, "").field("b").as_deref(), expected, "{query}");
        }
    }

    #[test]
    fn no_body_is_an_empty_object_and_bad_json_is_told() {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Body {
            amount: Option<u32>,
        }
        for (body, expected) in [("", None), (" \n", None), ("{\"amount\":7}", Some(7))] {
            let read: Body = asked("", body).json().unwrap();
            assert_eq!(read.amount, expected, "{body:?}");
        }
        let problem = asked("", "{\"amuont\":1}").json::<Body>().err().unwrap();
        assert!(problem.sentence.contains("amuont"), "{}", problem.sentence);
    }
}
