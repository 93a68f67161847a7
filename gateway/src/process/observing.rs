//! Reminds the operator of routes that only observe: at the start, after a reload, and each hour.

use keyring::time::UnixMillis;

use crate::config::Config;
use sys::log::{self, Event};

const HOUR_MS: i64 = 3_600_000;

/// When the operator was reminded last. `None`: now is the time.
#[derive(Debug, Default)]
pub(super) struct Reminder(Option<UnixMillis>);

impl Reminder {
    /// The configuration may be another one.
    pub(super) fn renew(&mut self) {
        self.0 = None;
    }

    /// Logs a line if there is such a route, and it is time.
    pub(super) fn remind(&mut self, config: &Config, now: UnixMillis) {
        if self.is_due(now)
            && let Some(routes) = observing(config)
        {
            let what = format_args!(
                "{routes}: enforce = false, so each request is forwarded whatever is found, a used \
                 code too; what is spent there is spent on all routes"
            );
            log::event(Event::Observing, what);
        }
    }

    fn is_due(&mut self, now: UnixMillis) -> bool {
        let is_due = self.0.is_none_or(|last| now >= last.plus_ms(HOUR_MS));
        if is_due {
            self.0 = Some(now);
        }
        is_due
    }
}

/// The paths of routes that only observe.
fn observing(config: &Config) -> Option<String> {
    let routes = config.routes.iter().filter(|route| !route.is_enforced());
    let paths: Vec<&str> = routes.map(|route| route.path.as_str()).collect();
    (!paths.is_empty()).then(|| paths.join(" "))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_operator_is_reminded_at_once_and_each_hour() {
        let mut reminder = Reminder::default();
        let start = UnixMillis::from_seconds(1_800_000_000);
        assert!(reminder.is_due(start));
        assert!(!reminder.is_due(start.plus_ms(HOUR_MS - 1)));
        assert!(reminder.is_due(start.plus_ms(HOUR_MS)));
        assert!(!reminder.is_due(start.plus_ms(2 * HOUR_MS - 1)));
        reminder.renew();
        assert!(reminder.is_due(start.plus_ms(2 * HOUR_MS - 1)));
    }

    #[test]
    fn only_routes_that_observe_are_named() {
        let route =
            |path, more| format!("[[route]]\npath = \"/{path}\"\nbackend = \"a\"\n{more}\n");
        let text = [
            "replay.store = \"local\"\n[[backend]]\nname = \"a\"\nendpoints = [\"http://h:1\"]\n".into(),
            route("pay", "code = \"redeem\""),
            route("try", "code = \"redeem\"\nenforce = false"),
            route("uif", "infno_at = \"/infno\"\n[route.infno]\n\"1\" = \"none\"\n\"2\" = { code = \"redeem\", enforce = false }"),
        ]
        .concat();
        let config = Config::parse(&text, Path::new("/"), Path::new("test")).unwrap();
        assert_eq!(observing(&config).as_deref(), Some("/try /uif"));
        let enforced = text.replace("false", "true");
        let config = Config::parse(&enforced, Path::new("/"), Path::new("test")).unwrap();
        assert_eq!(observing(&config), None);
    }
}
