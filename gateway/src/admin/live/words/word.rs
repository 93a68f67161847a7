//! The list of all texts.

use crate::web::language::Language;

/// Makes the enum and the list of all words from one table.
macro_rules! words {
    ($($word:ident)*) => {
        /// A text of the page.
        #[derive(Copy, Clone, Debug, Eq, PartialEq)]
        pub(in crate::admin::live) enum Word { $($word,)* }

        impl Word {
            #[cfg(test)]
            pub(super) const ALL: &[Self] = &[$(Self::$word,)*];
        }
    };
}

words! {
    // the frame
    Skip Languages Updated NotAnswering Now Json AllTimesUtc
    // sections
    Problems Conditions Outcomes Faults Refusals CodeAges CodeAgesHint Backends Endpoints Registers
    SpentCodes SpentPasses PassKeys Record Accounts AccountSources Retries Keys Limits Observed Runs
    Log LogHint Figures
    // figures
    RequestsPerSecond FreeOfFaults InFlight Connections Parked Rejected OwnTime Uptime
    Entries Capacity Used FenceEnd Released Decisions Dropped WriteErrors Written Queue QueueRoom
    FreeRoom People Staleness SetBack StaleAdmitted Answers Memory
    Host Environment Version Revision Config Keyring Started LastReload LastReloadAt Workers Engine
    TablesReady TablesWanted WallClock OpenFiles
    // columns
    Condition State Why Outcome PerSecond OneMinute FiveMinutes SinceStart Reason Number
    Meaning UpTo Codes Share Backend Endpoint Places Failed Group Register Errors ClockAhead Key
    Channel Algorithm DaysLeft LastUse Limit Route Source Behind Time Level Event Text
    // where nothing is
    NoRefusals NoLimits NoLog NothingHere
    // words of closed sets
    Holds Fails Served Refused OfBackend Unknown OfGateway Up Partly Down Maintenance Abstains
    Yes No Announced Active Retiring Revoked Info Warning Error Ok ReloadFailed UrgentNow UrgentSoon
    OfKeys OfClock OfRegisterClocks OfTable OfVerifyTables OfRecord OfAccounts OfThreads NotDraining
    // plots
    PlotOutcomes PlotFaults PlotAges
}

impl Word {
    pub(in crate::admin::live) const fn in_language(self, language: Language) -> &'static str {
        match language {
            Language::English => self.english(),
            Language::Chinese => self.chinese(),
        }
    }
}
