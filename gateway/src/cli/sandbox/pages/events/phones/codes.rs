//! Codes that phones show, and which of them are spent.

use std::{
    collections::{HashMap, VecDeque},
    rc::Rc,
};

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::cli::sandbox::pages::events::{bounds::CODES_MAX, frames, line::Line};

/// The last codes that phones have shown, by their ids (`<key id>-<issued at>-<serial>`).
#[derive(Debug, Default)]
pub(in crate::cli::sandbox::pages::events) struct Codes {
    shown: HashMap<Rc<str>, Shown>,
    /// The oldest first.
    order: VecDeque<Rc<str>>,
}

#[derive(Debug)]
struct Shown {
    phone: Box<str>,
    spent_by: Option<Rc<Line>>,
}

impl Codes {
    /// A phone shows a code. Shown again, it keeps what is known of it.
    pub(in crate::cli::sandbox::pages::events) fn show(&mut self, phone: &str, code_id: &str) {
        if self.shown.contains_key(code_id) {
            return;
        }
        if self.order.len() >= CODES_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.shown.remove(&oldest);
        }
        let code_id = Rc::from(code_id);
        self.order.push_back(Rc::clone(&code_id));
        self.shown.insert(code_id, Shown { phone: phone.into(), spent_by: None });
    }

    /// A decision has spent a code. The event for its phone, if a phone has shown it.
    pub(in crate::cli::sandbox::pages::events) fn spend(
        &mut self,
        code_id: &str,
        line: &Rc<Line>,
    ) -> Option<Bytes> {
        let shown = self.shown.get_mut(code_id)?;
        shown.spent_by = Some(Rc::clone(line));
        let decision: Value = serde_json::from_str(line.text()).unwrap_or_default();
        let mut data = Map::new();
        data.insert("phone".to_owned(), shown.phone.as_ref().into());
        data.insert("code_id".to_owned(), code_id.into());
        for name in ["request_id", "route", "outcome", "time"] {
            data.insert(name.to_owned(), decision.get(name).cloned().unwrap_or_default());
        }
        Some(frames::event("phone", &data.into()))
    }

    pub(in crate::cli::sandbox::pages::events) fn spent_by(
        &self,
        code_id: &str,
    ) -> Option<Rc<Line>> {
        self.shown.get(code_id)?.spent_by.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::sandbox::pages::events::line::Read;

    fn decision() -> Rc<Line> {
        let text = r#"{"seq":1,"event":"decision","request_id":"r","route":"/pay","time":"t"}"#;
        Read::parse(&Rc::from("a"), text).unwrap().line(text).unwrap()
    }

    #[test]
    fn a_phone_hears_of_its_own_codes_alone() {
        let (mut codes, line) = (Codes::default(), decision());
        codes.show("1", "7001-1-a");
        codes.show("2", "7001-1-b");
        assert!(codes.spent_by("7001-1-a").is_none());
        let event = codes.spend("7001-1-b", &line).unwrap();
        let data = r#"{"code_id":"7001-1-b","outcome":null,"phone":"2","request_id":"r","route":"/pay","time":"t"}"#;
        assert_eq!(event, format!("event: phone\ndata: {data}\n\n"));
        assert!(codes.spend("7001-1-c", &line).is_none());
        codes.show("2", "7001-1-b");
        assert_eq!(codes.spent_by("7001-1-b").unwrap().id(), "a:1");
        assert!(codes.spent_by("7001-1-a").is_none());
    }

    #[test]
    fn the_oldest_codes_are_forgotten() {
        let mut codes = Codes::default();
        for number in 0..=CODES_MAX {
            codes.show("1", &number.to_string());
        }
        assert_eq!((codes.shown.len(), codes.order.len()), (CODES_MAX, CODES_MAX));
        assert!(codes.spend("0", &decision()).is_none());
        assert!(codes.spend("1", &decision()).is_some());
    }
}
