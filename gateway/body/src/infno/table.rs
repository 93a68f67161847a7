//! Which rule an infno has: its own, else that of the longest prefix.

use std::collections::BTreeMap;

use super::{BadInfno, Infno, LETTERS_MAX};

/// The rules of one route by infno.
#[derive(Debug, Clone)]
pub struct InfnoTable<T> {
    exact: BTreeMap<Infno, T>,
    /// Keys with their star, the longest first.
    prefixes: Vec<(String, T)>,
}

/// A key of the table and what stands behind it.
#[derive(Debug, Eq, PartialEq)]
pub struct Rule<'a, T> {
    /// As the configuration has it: `2207`, `5*` or `*`. A label for a metric.
    pub key: &'a str,
    /// What the table holds for the key.
    pub value: &'a T,
}

/// A table cannot be built of these keys.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BadTable {
    /// The key is neither an infno nor a prefix.
    #[error(
        "{0:?} is no infno: it is 1 to 10 ASCII letters and digits, or up to 10 and then a star"
    )]
    Key(String),
    /// The key stands in the table already.
    #[error("{0:?} stands twice")]
    Twice(String),
}

impl<T> InfnoTable<T> {
    /// Of keys as the configuration has them.
    ///
    /// # Errors
    /// [`BadTable`] names the first key that does not fit.
    pub fn new<K: Into<String>>(rules: impl IntoIterator<Item = (K, T)>) -> Result<Self, BadTable> {
        let mut table = Self { exact: BTreeMap::new(), prefixes: Vec::new() };
        for (key, value) in rules {
            table.add(key.into(), value)?;
        }
        table.prefixes.sort_by_key(|(key, _)| std::cmp::Reverse(key.len()));
        Ok(table)
    }

    fn add(&mut self, key: String, value: T) -> Result<(), BadTable> {
        let is_there = match key.strip_suffix('*') {
            Some(prefix) if is_prefix(prefix) => {
                let is_there = self.prefixes.iter().any(|(known, _)| *known == key);
                self.prefixes.push((key.clone(), value));
                is_there
            }
            Some(_) => return Err(BadTable::Key(key)),
            None => {
                let infno = key.parse().map_err(|BadInfno| BadTable::Key(key.clone()))?;
                self.exact.insert(infno, value).is_some()
            }
        };
        if is_there { Err(BadTable::Twice(key)) } else { Ok(()) }
    }

    /// The rule of an infno: exact first, then the longest prefix.
    pub fn get(&self, infno: &Infno) -> Option<Rule<'_, T>> {
        if let Some((key, value)) = self.exact.get_key_value(infno) {
            return Some(Rule { key: key.as_str(), value });
        }
        let is_of = |key: &str| infno.as_str().starts_with(key.trim_end_matches('*'));
        let found = self.prefixes.iter().find(|(key, _)| is_of(key));
        found.map(|(key, value)| Rule { key, value })
    }

    /// All rules, exact ones first.
    pub fn iter(&self) -> impl Iterator<Item = Rule<'_, T>> {
        let exact = self.exact.iter().map(|(key, value)| Rule { key: key.as_str(), value });
        let prefixes = self.prefixes.iter().map(|(key, value)| Rule { key: key.as_str(), value });
        exact.chain(prefixes)
    }
}

fn is_prefix(text: &str) -> bool {
    text.len() <= LETTERS_MAX && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::{BadTable, InfnoTable};

    fn found(table: &InfnoTable<u8>, infno: &str) -> Option<(String, u8)> {
        let infno = infno.parse().expect("an infno");
        table.get(&infno).map(|rule| (rule.key.to_owned(), *rule.value))
    }

    #[test]
    fn an_exact_rule_comes_before_the_longest_prefix() {
        let rules = [("5*", 1), ("*", 2), ("53*", 3), ("5301", 4), ("2207", 5), ("2207*", 6)];
        let table = InfnoTable::new(rules).expect("a table");
        for (infno, key, value) in [
            ("5301", "5301", 4),
            ("5302", "53*", 3),
            ("53", "53*", 3),
            ("5401", "5*", 1),
            ("5", "5*", 1),
            ("2207", "2207", 5),
            ("2207A", "2207*", 6),
            ("220", "*", 2),
            ("A", "*", 2),
        ] {
            assert_eq!(found(&table, infno), Some((key.to_owned(), value)), "{infno}");
        }
        let keys: Vec<&str> = table.iter().map(|rule| rule.key).collect();
        assert_eq!(keys, ["2207", "5301", "2207*", "53*", "5*", "*"]);
    }

    #[test]
    fn an_unlisted_infno_has_no_rule() {
        let table = InfnoTable::new([("2207", 1), ("53*", 2)]).expect("a table");
        for infno in ["2299", "22070", "220", "5", "2207a"] {
            assert_eq!(found(&table, infno), None, "{infno}");
        }
        let table = InfnoTable::new([("2207a", 1)]).expect("a table");
        assert_eq!(found(&table, "2207A"), None, "case counts");
    }

    #[test]
    fn a_bad_or_double_key_is_named() {
        for key in ["", "22 07", "**", "*5", "5*1", "12345678901", "12345678901*", "交*"] {
            let refused = InfnoTable::new([("1", 0), (key, 1)]).expect_err("a bad key");
            assert_eq!(refused, BadTable::Key(key.to_owned()));
            assert!(refused.to_string().contains("1 to 10 ASCII letters and digits"));
        }
        for key in ["2207", "5*", "*"] {
            let refused = InfnoTable::new([(key, 0), (key, 1)]).expect_err("a double key");
            assert_eq!(refused.to_string(), format!("{key:?} stands twice"));
        }
    }
}
