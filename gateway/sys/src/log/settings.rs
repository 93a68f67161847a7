//! `[log]`: set once the configuration is read, and again by each reload.

use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use super::event::Level;

/// What the lines of a serving process are.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub enum Format {
    /// `time level event: text`, for a person.
    #[default]
    Text,
    /// One JSON object a line, for a program.
    Json,
}

/// `[log]`: what the lines of a serving process are, and which are written.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub struct Settings {
    /// Text or JSON.
    pub format: Format,
    /// Events below it are kept for [`recent`](super::recent()), and not written.
    pub level: Level,
}

/// The settings in force, as a number, so that they are read whole.
static SETTINGS: AtomicU8 = AtomicU8::new(0);

impl Settings {
    const ALL: [Self; 6] = {
        const fn of(format: Format, level: Level) -> Settings {
            Settings { format, level }
        }
        // The first are the default.
        [
            of(Format::Text, Level::Info),
            of(Format::Text, Level::Warning),
            of(Format::Text, Level::Error),
            of(Format::Json, Level::Info),
            of(Format::Json, Level::Warning),
            of(Format::Json, Level::Error),
        ]
    };

    pub(super) fn in_force() -> Self {
        Self::ALL.get(usize::from(SETTINGS.load(Relaxed))).copied().unwrap_or_default()
    }
}

/// From now on lines are written by these settings, also those that were said before and wait.
pub fn set(settings: Settings) {
    let place = Settings::ALL.iter().position(|known| *known == settings).unwrap_or_default();
    SETTINGS.store(u8::try_from(place).unwrap_or_default(), Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_settings_can_be_set() {
        assert_eq!(Settings::in_force(), Settings::default());
        for settings in Settings::ALL {
            set(settings);
            assert_eq!(Settings::in_force(), settings);
        }
        set(Settings::default());
    }
}
