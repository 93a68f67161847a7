//! The cards that are single figures.

use maud::{Markup, html};

use super::view::{Description, View};
use crate::{admin::live::words::Word, web::value::Form};

const COUNT: Form = Form::Number("");
const PERCENT: Form = Form::Number(" %");

/// What a person looks at first.
const TILES: &[Description] = &[
    (Word::RequestsPerSecond, "requests.per_s", Form::Number("/s")),
    (Word::FreeOfFaults, "requests.free_of_gateway_faults_percent", PERCENT),
    (Word::InFlight, "requests.in_flight", COUNT),
    (Word::Connections, "requests.connections", COUNT),
    (Word::OwnTime, "requests.own_time_p99_at_most_ms", Form::Number(" ms")),
    (Word::Uptime, "runs.uptime_s", Form::Span),
];

/// A card: its place in the document, its heading, its figures.
type Group = (&'static str, Word, &'static [Description]);

/// In the order of the page. One that the document lacks is left out.
const GROUPS: &[Group] = &[
    (
        "table",
        Word::SpentCodes,
        &[
            (Word::Entries, "table.entries", COUNT),
            (Word::Capacity, "table.capacity", COUNT),
            (Word::Used, "table.used_percent", PERCENT),
            (Word::FenceEnd, "table.fence_end_unix_s", Form::Moment),
            (Word::Released, "table.released", COUNT),
        ],
    ),
    (
        "passes",
        Word::SpentPasses,
        &[
            (Word::Entries, "passes.entries", COUNT),
            (Word::Capacity, "passes.capacity", COUNT),
            (Word::Used, "passes.used_percent", PERCENT),
            (Word::FenceEnd, "passes.fence_end_unix_s", Form::Moment),
            (Word::Released, "passes.released", COUNT),
        ],
    ),
    (
        "record",
        Word::Record,
        &[
            (Word::Decisions, "record.decisions", COUNT),
            (Word::Dropped, "record.dropped", COUNT),
            (Word::WriteErrors, "record.errors", COUNT),
            (Word::Written, "record.bytes", Form::Bytes),
            (Word::Queue, "record.queued", COUNT),
            (Word::QueueRoom, "record.queue_capacity", COUNT),
            (Word::FreeRoom, "record.free_bytes", Form::Bytes),
        ],
    ),
    (
        "accounts",
        Word::Accounts,
        &[
            (Word::People, "accounts.people", COUNT),
            (Word::Capacity, "accounts.capacity", COUNT),
            (Word::Used, "accounts.used_percent", PERCENT),
            (Word::Staleness, "accounts.staleness_s", Form::Number(" s")),
            (Word::SetBack, "accounts.set_back", Form::Word),
            (Word::StaleAdmitted, "accounts.stale_admitted", COUNT),
        ],
    ),
    (
        "retry",
        Word::Retries,
        &[(Word::Answers, "retry.answers", COUNT), (Word::Memory, "retry.bytes", Form::Bytes)],
    ),
    (
        "runs",
        Word::Runs,
        &[
            (Word::Host, "runs.host", Form::Name),
            (Word::Environment, "runs.environment", Form::Name),
            (Word::Version, "runs.version", Form::Name),
            (Word::Revision, "runs.revision", Form::Name),
            (Word::Config, "runs.config", Form::Name),
            (Word::Keyring, "runs.keyring", Form::Name),
            (Word::Started, "runs.started_unix_ms", Form::Millis),
            (Word::LastReload, "runs.last_reload", Form::Word),
            (Word::LastReloadAt, "runs.last_reload_unix_ms", Form::Millis),
            (Word::Workers, "runs.workers", COUNT),
            (Word::Engine, "runs.verify_engine", Form::Name),
            (Word::TablesReady, "runs.verify_tables_ready", COUNT),
            (Word::TablesWanted, "runs.verify_tables_wanted", COUNT),
            (Word::WallClock, "runs.wall_clock_ahead_s", Form::Number(" s")),
            (Word::Memory, "runs.memory_bytes", Form::Bytes),
            (Word::OpenFiles, "runs.open_files", COUNT),
            (Word::Parked, "requests.parked", COUNT),
            (Word::Rejected, "requests.rejected", COUNT),
        ],
    ),
];

pub(super) fn tiles(view: View<'_>) -> Markup {
    html! {
        dl.tiles aria-label=(view.text(Word::Figures)) {
            @for &(word, path, form) in TILES {
                div { dt { (view.text(word)) } dd { (view.value(path, form)) } }
            }
        }
    }
}

pub(super) fn cards(view: View<'_>) -> Markup {
    let shown = GROUPS.iter().filter(|(part, ..)| view.has(part));
    html! {
        @for (part, title, figures) in shown {
            section.card aria-labelledby=(part) data-card=(part) {
                h2 id=(part) { (view.text(*title)) }
                dl.figures {
                    @for &(word, path, form) in *figures {
                        div { dt { (view.text(word)) } dd { (view.value(path, form)) } }
                    }
                }
            }
        }
    }
}
