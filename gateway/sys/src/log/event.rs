//! The closed list of what a serving process logs. `gateway/contract/events.toml` is the same list
//! for operators, who search and alert by these names; a test compares the two.

use std::fmt;

use super::field::Field;

/// How soon an operator should look.
#[derive(Copy, Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub enum Level {
    /// It is as it should be.
    #[default]
    Info,
    /// Some time.
    Warning,
    /// Now.
    Error,
}

impl Level {
    /// The word in a log line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl Event {
    /// Is one moment told in several lines? Then each of them is written.
    pub(super) const fn has_several_lines(self) -> bool {
        matches!(self, Self::Configuration | Self::ConfigurationDoubtful)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Makes the enum, its names and its levels from one table.
macro_rules! events {
    ($($level:ident {
        $($event:ident = $name:literal $([$($field:ident),*])?: $meaning:literal;)*
    })*) => {
        /// What happened. An event has one name and one level, whatever its line says.
        #[derive(Copy, Clone, Debug, Eq, PartialEq)]
        pub enum Event { $($(#[doc = $meaning] $event,)*)* }

        impl Event {
            /// Every event, in the order of the declaration.
            pub const ALL: &[Self] = &[$($(Self::$event,)*)*];

            /// The name in a log line.
            pub const fn name(self) -> &'static str {
                match self { $($(Self::$event => $name,)*)* }
            }

            /// How soon an operator should look.
            pub const fn level(self) -> Level {
                match self { $($(Self::$event => Level::$level,)*)* }
            }

            /// The fields that its lines may have.
            pub const fn fields(self) -> &'static [Field] {
                match self { $($(Self::$event => &[$($(Field::$field),*)?],)*)* }
            }

            /// What it means, for an operator.
            pub const fn meaning(self) -> &'static str {
                match self { $($(Self::$event => $meaning,)*)* }
            }
        }
    };
}

events! {
    Info {
        Configuration = "configuration": "One line of what the process was told to be.";
        Serving = "serving": "All is ready; requests are accepted.";
        Reloaded = "reloaded" [Configuration, Keyring]:
            "A new configuration and keyring are in force.";
        SignalIgnored = "signal_ignored": "A signal that asks for nothing here.";
        UpgradeStarted = "upgrade_started" [Process]: "A new process was started to take over.";
        HandedOver = "handed_over" [Process]:
            "The new process serves; this one finishes what runs.";
        ListenerClosed = "listener_closed" [Listener]:
            "An address is not in the configuration any more.";
        Draining = "draining": "The process leaves: it is not ready and finishes what runs.";
        Drained = "drained" [DurationMs]: "All that ran is finished.";
        RegisterAnswers = "register_answers" [Register]: "A register can be reached again.";
        RegisterVotes = "register_votes" [Register]:
            "A register counts towards the majority again.";
        RecordWritten = "record_written" [DurationMs]: "The decision record can be written again.";
        ReplayTableNew = "replay_table_new" [Path]:
            "The table of spent codes began anew, with a fence.";
        AccountsLoaded = "accounts_loaded": "All account states were loaded.";
        AccountsSourceAnswers = "accounts_source_answers" [Member]:
            "A member of the account store answers again.";
    }
    Warning {
        Observing = "observing":
            "Routes with enforce = false forward what they would refuse. Told each hour.";
        ConfigurationDoubtful = "configuration_doubtful":
            "A value is allowed and probably not what is wanted.";
        DescriptorsFew = "descriptors_few":
            "The process may open fewer files than its limits need.";
        ReloadRefused = "reload_refused": "The last good configuration and keyring stay in force.";
        UpgradeRefused = "upgrade_refused" [Process]:
            "No new process takes over; this one goes on.";
        DrainCut = "drain_cut" [DurationMs]:
            "The drain's time is over, and what still ran was cut off.";
        AcceptFailed = "accept_failed" [Listener]: "A listener could not accept a connection.";
        ManagerSilent = "manager_silent": "The service manager does not hear this process.";
        KeyTablesMissing = "key_tables_missing": "Keys without a table are verified slowly.";
        NodeUnknown = "node_unknown" [Path]:
            "The node cannot tell registers which directory it has.";
        NodeConflict = "node_conflict": "Another process serves from the same data directory.";
        RegisterLost = "register_lost" [Register]: "A register cannot be reached.";
        RegisterAbstains = "register_abstains" [Register]:
            "A register does not count towards the majority.";
        RegisterMemoryKept = "register_memory_kept" [Register]:
            "A register came back with old memory, which counts as lost.";
        RecordEventMissing = "record_event_missing": "A reload is missing in the record.";
        RecordFilesKept = "record_files_kept" [Path]:
            "Old files of the record could not be deleted.";
        ProcessPaused = "process_paused": "The process stood still, so a fence was raised.";
        LogLinesMissing = "log_lines_missing" [Missing]: "Log lines were dropped before this one.";
        AccountsSourceLost = "accounts_source_lost" [Member]:
            "A member of the account store does not answer, or does not count.";
    }
    Error {
        PartEnded = "part_ended" [Part]: "A thread or long-lived task panicked.";
        Panic = "panic" [Thread, Place]: "A bug: the line tells where.";
        VerifyFailed = "verify_failed": "The codes of one turn could not be verified.";
        VerifierWrong = "verifier_wrong": "A verification engine gave a wrong answer.";
        KeyTableChanged = "key_table_changed": "The memory of a verification table had changed.";
        RecordFailing = "record_failing" [Path]: "The decision record cannot be written.";
        RecordDecisionsMissing = "record_decisions_missing" [Missing, Path]:
            "Decisions are missing in the record.";
        RecordEndMissing = "record_end_missing": "The record's last line could not be written.";
        DataDirectoryFailing = "data_directory_failing" [Path]:
            "The data directory cannot be written; no code is spent.";
        DataDirectoryLost = "data_directory_lost" [Path]:
            "The data directory is not the one it was; no code is spent.";
        SandboxBackendFailed = "sandbox_backend_failed": "The stand-in backend cannot run.";
        SandboxPagesFailed = "sandbox_pages_failed": "The sandbox's pages cannot be shown.";
        AccountsSetBack = "accounts_set_back":
            "The account store shows less than it did; nothing is admitted by it.";
        AccountsFailing = "accounts_failing":
            "The account store cannot be read or held; without it nothing is admitted.";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_lists_each_event_with_its_level_and_meaning() {
        let text = include_str!("../../../contract/events.toml");
        let contract: toml::Table = text.parse().unwrap();
        let listed: Vec<_> = contract["event"].as_array().unwrap().iter().collect();
        let listed: Vec<_> = listed
            .iter()
            .map(|row| (["name", "level", "meaning"].map(|key| word(row, key)), fields(row)))
            .collect();
        let known: Vec<_> = Event::ALL
            .iter()
            .map(|event| {
                let words = [event.name(), event.level().name(), event.meaning()];
                (
                    words.map(str::to_owned),
                    event.fields().iter().map(|field| field.name()).collect(),
                )
            })
            .collect();
        assert_eq!(known, listed);
    }

    fn word(row: &toml::Value, key: &str) -> String {
        row[key].as_str().unwrap().to_owned()
    }

    fn fields(row: &toml::Value) -> Vec<&str> {
        let fields = row.get("fields").map(|fields| fields.as_array().unwrap().as_slice());
        fields.unwrap_or_default().iter().map(|field| field.as_str().unwrap()).collect()
    }

    #[test]
    fn the_contract_lists_each_field_with_its_type_and_meaning() {
        let text = include_str!("../../../contract/events.toml");
        let contract: toml::Table = text.parse().unwrap();
        let listed: Vec<_> = contract["field"].as_array().unwrap().iter().collect();
        let listed: Vec<_> = listed
            .iter()
            .map(|row| ["name", "type", "meaning"].map(|key| word(row, key)))
            .collect();
        let known = Field::ALL.iter().map(|field| {
            let kind = if field.is_number() { "number" } else { "string" };
            [field.name(), kind, field.meaning()].map(str::to_owned)
        });
        assert_eq!(known.collect::<Vec<_>>(), listed);
        for field in Field::ALL {
            assert!(Event::ALL.iter().any(|event| event.fields().contains(field)), "{field:?}");
        }
    }
}
