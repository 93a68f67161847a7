//! What a line says beside its sentence, for programs that read the log.

use std::fmt::{Display, Write as _};

use super::text::cut;

/// Bytes of one value. A longer one is cut.
pub(super) const VALUE_BYTES_MAX: usize = 512;

/// Makes the enum and what is known of each field from one table.
macro_rules! fields {
    ($($field:ident = $name:literal, $kind:ident: $meaning:literal;)*) => {
        /// A name of a closed list. `gateway/contract/events.toml` says which event has which.
        #[derive(Copy, Clone, Debug, Eq, PartialEq)]
        pub enum Field { $(#[doc = $meaning] $field,)* }

        impl Field {
            /// Every field, in the order of the declaration.
            pub const ALL: &[Self] = &[$(Self::$field,)*];

            /// The name in a line of JSON.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$field => $name,)* }
            }

            /// What it means, for an operator.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$field => $meaning,)* }
            }

            const fn kind(self) -> Kind {
                match self { $(Self::$field => Kind::$kind,)* }
            }
        }
    };
}

#[derive(Copy, Clone, Eq, PartialEq)]
enum Kind {
    /// Text that names a thing.
    Name,
    /// A number that names a thing.
    Id,
    /// A number of things.
    Count,
}

fields! {
    Register = "register", Name: "The register's address, without its password.";
    Member = "member", Name: "The member of the account store.";
    Listener = "listener", Name: "The listener's address.";
    Path = "path", Name: "The file or directory.";
    Part = "part", Name: "The part of the process, as in yanma_threads_ended_total.";
    Thread = "thread", Name: "The thread's name.";
    Place = "place", Name: "The place in the source.";
    Configuration = "configuration", Name: "The configuration's digest, as in yanma_config_info.";
    Keyring = "keyring", Name: "The keyring's digest, as in yanma_config_info.";
    Process = "process", Id: "The other process's id.";
    Missing = "missing", Count: "How many are missing.";
    DurationMs = "duration_ms", Count: "How many milliseconds it took.";
}

impl Field {
    /// Does it name the thing that the line is about? Then its lines are counted by themselves.
    pub(super) fn is_subject(self) -> bool {
        self.kind() != Kind::Count
    }

    /// Is its value a number?
    pub fn is_number(self) -> bool {
        self.kind() != Kind::Name
    }
}

/// A field with its value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Value {
    /// Which.
    pub field: Field,
    /// The value as text, at most 512 bytes and a mark where it was cut.
    pub text: String,
}

impl Value {
    pub(super) fn new(field: Field, value: &dyn Display) -> Self {
        let mut text = String::new();
        // A value that cannot show itself is empty.
        let _ = write!(text, "{value}");
        Self { field, text: cut(text, VALUE_BYTES_MAX) }
    }
}
