//! What does not keep a rule yet. Each list is exact: what keeps its rule now is deleted from it,
//! and nothing is added.

use std::collections::BTreeSet;

/// Groups of files that import each other in circles.
pub(super) const OPEN_CIRCLES: &[&[&str]] = &[
    &[
        "gateway/src/cli/audit.rs",
        "gateway/src/cli/check.rs",
        "gateway/src/cli/engine.rs",
        "gateway/src/cli/host.rs",
        "gateway/src/cli/input.rs",
        "gateway/src/cli/inspect.rs",
        "gateway/src/cli/keys.rs",
        "gateway/src/cli/mint.rs",
        "gateway/src/cli/mod.rs",
        "gateway/src/cli/sandbox/directory.rs",
        "gateway/src/cli/sandbox/examples/shell.rs",
        "gateway/src/cli/sandbox/examples.rs",
        "gateway/src/cli/sandbox/settings.rs",
        "gateway/src/cli/sandbox.rs",
        "gateway/src/cli/serve.rs",
    ],
    &["gateway/src/config/warnings.rs", "gateway/src/config.rs"],
    &["gateway/src/metrics/instruments.rs", "gateway/src/metrics/page.rs"],
    &["gateway/src/record/mod.rs", "gateway/src/record/writer.rs"],
    &["gateway/src/record/reconcile/chains.rs", "gateway/src/record/reconcile/mod.rs"],
    &[
        "gateway/src/registers/client.rs",
        "gateway/src/registers/link.rs",
        "gateway/src/registers/ops.rs",
        "gateway/src/registers/raw.rs",
        "gateway/src/registers/wire.rs",
    ],
    &["gateway/src/repeat/abroad.rs", "gateway/src/repeat.rs"],
    &["gateway/src/upstream/pool.rs", "gateway/src/upstream.rs"],
    &["keyring/src/ceremony/directory.rs", "keyring/src/ceremony.rs"],
    &["keyring/src/code/text.rs", "keyring/src/code.rs"],
    &["keyring/src/p256/comb.rs", "keyring/src/p256/digits.rs"],
    &["keyring/src/store/files.rs", "keyring/src/store/manifest.rs", "keyring/src/store.rs"],
    &[
        "loadtest/src/cli/mint.rs",
        "loadtest/src/cli/prepare.rs",
        "loadtest/src/cli/run/ground.rs",
        "loadtest/src/cli/run.rs",
        "loadtest/src/cli.rs",
    ],
    &[
        "loadtest/src/client/http1.rs",
        "loadtest/src/client/http2.rs",
        "loadtest/src/client/job.rs",
        "loadtest/src/client/load.rs",
        "loadtest/src/client.rs",
    ],
    &["loadtest/src/report/chart/frame.rs", "loadtest/src/report/chart.rs"],
    &[
        "loadtest/src/scenario/events.rs",
        "loadtest/src/scenario/file.rs",
        "loadtest/src/scenario.rs",
    ],
    &["loadtest/src/site/config.rs", "loadtest/src/site.rs"],
];

/// Folders of too many entries.
pub(super) const CROWDED: &[&str] = &[
    "gateway/src",
    "gateway/src/cli",
    "gateway/src/config",
    "gateway/src/registers",
    "keyring/src",
    "keyring/src/p256",
    "loadtest/src",
];

/// Files `x.rs` beside a folder `x/`.
pub(super) const PAIRS: &[&str] = &[
    "gateway/src/admin.rs",
    "gateway/src/batch.rs",
    "gateway/src/body.rs",
    "gateway/src/cli/inspect.rs",
    "gateway/src/cli/keys.rs",
    "gateway/src/cli/mint.rs",
    "gateway/src/cli/sandbox.rs",
    "gateway/src/cli/sandbox/directory.rs",
    "gateway/src/cli/sandbox/examples.rs",
    "gateway/src/clock.rs",
    "gateway/src/config.rs",
    "gateway/src/config/tests.rs",
    "gateway/src/connection.rs",
    "gateway/src/endpoints.rs",
    "gateway/src/forward.rs",
    "gateway/src/headers.rs",
    "gateway/src/policy.rs",
    "gateway/src/record/files.rs",
    "gateway/src/refusal.rs",
    "gateway/src/registers/tests.rs",
    "gateway/src/repeat.rs",
    "gateway/src/replay/tests.rs",
    "gateway/src/scrape.rs",
    "gateway/src/service.rs",
    "gateway/src/standin.rs",
    "gateway/src/strict.rs",
    "gateway/src/upstream.rs",
    "keyring/src/ceremony.rs",
    "keyring/src/code.rs",
    "keyring/src/key.rs",
    "keyring/src/mint.rs",
    "keyring/src/p256/field8.rs",
    "keyring/src/p256/ifma.rs",
    "keyring/src/p256/tests.rs",
    "keyring/src/p256/verifier.rs",
    "keyring/src/store.rs",
    "keyring/src/store/tests.rs",
    "keyring/src/verify.rs",
    "loadtest/src/backend.rs",
    "loadtest/src/class.rs",
    "loadtest/src/cli.rs",
    "loadtest/src/cli/run.rs",
    "loadtest/src/client.rs",
    "loadtest/src/client/load.rs",
    "loadtest/src/codes.rs",
    "loadtest/src/events.rs",
    "loadtest/src/judge.rs",
    "loadtest/src/link.rs",
    "loadtest/src/node.rs",
    "loadtest/src/outage.rs",
    "loadtest/src/report/chart.rs",
    "loadtest/src/report/html.rs",
    "loadtest/src/report/text.rs",
    "loadtest/src/scenario.rs",
    "loadtest/src/signer.rs",
    "loadtest/src/site.rs",
    "loadtest/src/summary.rs",
];

/// How often each crate or folder has words that `words.rs` does not want.
pub(super) const WORDS: &[(&str, usize)] = &[("gateway", 25)];

/// Fails unless exactly what is listed breaks a rule.
pub(super) fn assert_only_open(rule: &str, open: &[&str], found: &BTreeSet<String>) {
    let open = open.iter().map(|name| (*name).to_owned()).collect();
    let wrong = changes(&open, found);
    assert!(wrong.is_empty(), "{rule}: {wrong:#?}");
}

/// Each difference of what is found from what is listed, and what it is.
pub(super) fn changes(
    open: &BTreeSet<String>,
    found: &BTreeSet<String>,
) -> Vec<(String, &'static str)> {
    let new = found.difference(open).map(|name| (name.clone(), "new"));
    let gone = open.difference(found).map(|name| (name.clone(), "gone, delete it from open.rs"));
    new.chain(gone).collect()
}

#[test]
fn a_list_is_exact() {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    assert!(changes(&set(&["a"]), &set(&["a"])).is_empty());
    let found = changes(&set(&["a", "b"]), &set(&["b", "c"]));
    assert_eq!(found, [("c".to_owned(), "new"), ("a".to_owned(), "gone, delete it from open.rs")]);
}
