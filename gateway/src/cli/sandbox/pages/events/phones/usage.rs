//! The decisions of each person (使用明细).

use std::{
    collections::{HashMap, VecDeque},
    rc::Rc,
};

use crate::cli::sandbox::pages::events::{bounds::LINES_OF_A_PERSON, line::Line};

/// The last decisions of the people that are asked for, by the hash that the record has of them.
#[derive(Debug)]
pub(in crate::cli::sandbox::pages::events) struct Usage(HashMap<String, VecDeque<Rc<Line>>>);

impl Usage {
    pub(in crate::cli::sandbox::pages::events) fn of(people: Vec<String>) -> Self {
        Self(people.into_iter().map(|person| (person, VecDeque::new())).collect())
    }

    /// Keeps a decision, if it is of one of them.
    pub(in crate::cli::sandbox::pages::events) fn keep(&mut self, person: &str, line: &Rc<Line>) {
        let Some(lines) = self.0.get_mut(person) else { return };
        lines.truncate(LINES_OF_A_PERSON - 1);
        lines.push_front(Rc::clone(line));
    }

    /// The youngest first.
    pub(in crate::cli::sandbox::pages::events) fn lines(&self, person: &str) -> Vec<Rc<Line>> {
        self.0.get(person).into_iter().flatten().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::sandbox::pages::events::line::Read;

    #[test]
    fn each_person_has_the_last_lines_and_others_have_none() {
        let mut usage = Usage::of(vec!["one".to_owned(), "two".to_owned()]);
        let most = u64::try_from(LINES_OF_A_PERSON).unwrap();
        for seq in 0..most + 5 {
            let text = format!("{{\"seq\":{seq},\"event\":\"decision\"}}");
            let line = Read::parse(&Rc::from("a"), &text).unwrap().line(&text).unwrap();
            usage.keep("one", &line);
            usage.keep("three", &line);
        }
        let lines = usage.lines("one");
        assert_eq!(lines.len(), LINES_OF_A_PERSON);
        assert_eq!(lines[0].place().seq, most + 4);
        assert!(usage.lines("two").is_empty() && usage.lines("three").is_empty());
    }
}
