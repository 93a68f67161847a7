//! Which bodies carry a code: a type of certificate in the body says so.

use crate::{
    found::Found,
    malformed::{Malformed, Why},
    pointer::{At, Pointer, Pointers},
};

/// Where the type of the certificate stands, and what its values say.
#[derive(Clone, Debug)]
pub struct CertType {
    at: At,
    code: Vec<String>,
    none: Vec<String>,
}

/// The values contradict each other.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BadCertType {
    /// An empty value or `null` counts as absent, so it would never be met.
    #[error("{0:?} counts as absent; list other values")]
    Absent(String),
    /// A value stands twice in the lists.
    #[error("{0:?} stands twice; list each value once, under code or under none")]
    Twice(String),
}

impl CertType {
    /// `code` are the values of bodies that carry a code, `none` those of bodies without one.
    ///
    /// # Errors
    /// [`BadCertType`] names the first value that does not fit.
    pub fn new(
        pointers: &mut Pointers,
        at: &Pointer,
        code: Vec<String>,
        none: Vec<String>,
    ) -> Result<Self, BadCertType> {
        let all: Vec<&String> = code.iter().chain(&none).collect();
        for (place, value) in all.iter().enumerate() {
            if matches!(value.as_str(), "" | "null") {
                return Err(BadCertType::Absent((*value).clone()));
            }
            if all.iter().take(place).any(|before| before == value) {
                return Err(BadCertType::Twice((*value).clone()));
            }
        }
        Ok(Self { at: pointers.add(at), code, none })
    }

    /// Whether the body is judged as one that carries a code. A body without the type is, so that
    /// to leave it out is no way around the code.
    ///
    /// # Errors
    /// Those of [`Found::text`], and [`Why::Value`] for a value that is not listed.
    pub fn carries_code(&self, found: &Found<'_, '_>) -> Result<bool, Malformed> {
        let Some(value) = found.text(self.at)? else { return Ok(true) };
        let is_in = |values: &[String]| values.iter().any(|known| known == value);
        if is_in(&self.code) {
            return Ok(true);
        }
        if is_in(&self.none) {
            return Ok(false);
        }
        let listed: Vec<&str> = self.code.iter().chain(&self.none).map(String::as_str).collect();
        let place = found.pointer(self.at).map(Pointer::to_string).unwrap_or_default();
        let detail = format!("{place} may be one of {}", listed.join(", "));
        Err(Malformed::new(Why::Value, detail))
    }
}

#[cfg(test)]
mod tests {
    use super::{BadCertType, CertType};
    use crate::{
        malformed::Why,
        pointer::{Pointer, Pointers},
        walk::walk,
    };

    fn list(values: &[&str]) -> Vec<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    fn pointer() -> Pointer {
        "/input/data/mdtrt_cert_type".parse().expect("a pointer")
    }

    #[test]
    fn the_type_says_whether_a_code_is_there() {
        let mut pointers = Pointers::default();
        let cert_type =
            CertType::new(&mut pointers, &pointer(), list(&["01"]), list(&["02", "03"]))
                .expect("lists that agree");
        let judged = |value: &str| {
            let body = format!(r#"{{"input":{{"data":{{"mdtrt_cert_type":{value}}}}}}}"#);
            let found = walk(&body, &pointers).expect("JSON");
            cert_type.carries_code(&found)
        };
        for value in ["\"01\"", "null", "\"\"", "\"null\""] {
            assert_eq!(judged(value), Ok(true), "{value}");
        }
        assert_eq!(judged("\"02\""), Ok(false));
        assert_eq!(judged("\"\\u00303\""), Ok(false));
        for value in ["\"04\"", "\"1\"", "\"01 \"", "1", "[]", "true"] {
            assert_eq!(judged(value).map_err(|refused| refused.why()), Err(Why::Value), "{value}");
        }
        let refused = judged("\"9\"").expect_err("not listed");
        assert_eq!(refused.detail(), "/input/data/mdtrt_cert_type may be one of 01, 02, 03");
        let found = walk("{}", &pointers).expect("JSON");
        assert_eq!(cert_type.carries_code(&found), Ok(true), "absent is judged as with a code");
    }

    #[test]
    fn each_value_is_listed_once() {
        let new = |code: &[&str], none: &[&str]| {
            CertType::new(&mut Pointers::default(), &pointer(), list(code), list(none)).map(drop)
        };
        assert_eq!(new(&["01"], &[]), Ok(()));
        assert_eq!(new(&["01"], &["02", "01"]), Err(BadCertType::Twice("01".to_owned())));
        assert_eq!(new(&["01", "01"], &[]), Err(BadCertType::Twice("01".to_owned())));
        assert_eq!(new(&["01"], &["null"]), Err(BadCertType::Absent("null".to_owned())));
    }
}
