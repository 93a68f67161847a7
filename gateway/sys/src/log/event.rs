//! The closed list of what a serving process logs. `gateway/contract/events.toml` is the same list
//! for operators, who search and alert by these names; a test compares the two.

use std::fmt;

/// How soon an operator should look.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Level {
    /// It is as it should be.
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

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Makes the enum, its names and its levels from one table.
macro_rules! events {
    ($($level:ident { $($event:ident = $name:literal: $meaning:literal;)* })*) => {
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
        Reloaded = "reloaded": "A new configuration and keyring are in force.";
        SignalIgnored = "signal_ignored": "A signal that asks for nothing here.";
        UpgradeStarted = "upgrade_started": "A new process was started to take over.";
        HandedOver = "handed_over": "The new process serves; this one finishes what runs.";
        ListenerClosed = "listener_closed": "An address is not in the configuration any more.";
        Draining = "draining": "The process leaves: it is not ready and finishes what runs.";
        Drained = "drained": "All that ran is finished.";
        RegisterAnswers = "register_answers": "A register can be reached again.";
        RegisterVotes = "register_votes": "A register counts towards the majority again.";
        RecordWritten = "record_written": "The decision record can be written again.";
        ReplayTableNew = "replay_table_new": "The table of spent codes began anew, with a fence.";
        AccountsLoaded = "accounts_loaded": "All account states were loaded.";
        AccountsSourceAnswers = "accounts_source_answers":
            "A member of the account store answers again.";
    }
    Warning {
        Observing = "observing": "Routes with enforce = false forward what they would refuse. Told each hour.";
        ConfigurationDoubtful = "configuration_doubtful":
            "A value is allowed and probably not what is wanted.";
        DescriptorsFew = "descriptors_few":
            "The process may open fewer files than its limits need.";
        ReloadRefused = "reload_refused": "The last good configuration and keyring stay in force.";
        UpgradeRefused = "upgrade_refused": "No new process takes over; this one goes on.";
        DrainCut = "drain_cut": "The drain's time is over, and what still ran was cut off.";
        AcceptFailed = "accept_failed": "A listener could not accept a connection.";
        ManagerSilent = "manager_silent": "The service manager does not hear this process.";
        KeyTablesMissing = "key_tables_missing": "Keys without a table are verified slowly.";
        NodeUnknown = "node_unknown": "The node cannot tell registers which directory it has.";
        NodeConflict = "node_conflict": "Another process serves from the same data directory.";
        RegisterLost = "register_lost": "A register cannot be reached.";
        RegisterAbstains = "register_abstains": "A register does not count towards the majority.";
        RegisterMemoryKept = "register_memory_kept":
            "A register came back with old memory, which counts as lost.";
        RecordEventMissing = "record_event_missing": "A reload is missing in the record.";
        RecordFilesKept = "record_files_kept": "Old files of the record could not be deleted.";
        ProcessPaused = "process_paused": "The process stood still, so a fence was raised.";
        LogLinesMissing = "log_lines_missing": "Log lines were dropped before this one.";
        AccountsSourceLost = "accounts_source_lost":
            "A member of the account store does not answer, or does not count.";
    }
    Error {
        PartEnded = "part_ended": "A thread or long-lived task panicked.";
        Panic = "panic": "A bug: the line tells where.";
        VerifyFailed = "verify_failed": "The codes of one turn could not be verified.";
        VerifierWrong = "verifier_wrong": "A verification engine gave a wrong answer.";
        KeyTableChanged = "key_table_changed": "The memory of a verification table had changed.";
        RecordFailing = "record_failing": "The decision record cannot be written.";
        RecordDecisionsMissing = "record_decisions_missing":
            "Decisions are missing in the record.";
        RecordEndMissing = "record_end_missing": "The record's last line could not be written.";
        DataDirectoryFailing = "data_directory_failing":
            "The data directory cannot be written; no code is spent.";
        DataDirectoryLost = "data_directory_lost":
            "The data directory is not the one it was; no code is spent.";
        SandboxBackendFailed = "sandbox_backend_failed": "The stand-in backend cannot run.";
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
        let word = |row: &toml::Value, key: &str| row[key].as_str().unwrap().to_owned();
        let listed: Vec<_> = listed
            .iter()
            .map(|row| ["name", "level", "meaning"].map(|key| word(row, key)))
            .collect();
        let known: Vec<_> = Event::ALL
            .iter()
            .map(|event| [event.name(), event.level().name(), event.meaning()].map(str::to_owned))
            .collect();
        assert_eq!(known, listed);
    }
}
