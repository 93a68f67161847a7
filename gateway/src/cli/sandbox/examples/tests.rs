use std::collections::HashSet;

use super::*;

fn examples() -> Vec<Example> {
    let root = tempfile::tempdir().unwrap();
    let directory = Directory::open(root.path()).unwrap_or_else(|failure| panic!("{failure}"));
    let addresses = Addresses {
        gateway: "127.0.0.1:7460".parse().unwrap(),
        admin: "127.0.0.1:7461".parse().unwrap(),
        backend: "127.0.0.1:7462".parse().unwrap(),
        accounts: "127.0.0.1:7463".parse().unwrap(),
    };
    let Examples(groups) = Examples::new(&directory, &addresses).unwrap();
    groups.into_iter().flat_map(|(_, examples)| examples).collect()
}

#[test]
fn every_refusal_that_a_command_can_reach_is_shown() {
    let shown: HashSet<Refusal> = examples()
        .into_iter()
        .filter_map(|example| match example.expected {
            Expected::Refused(refusal) => Some(refusal),
            _ => None,
        })
        .collect();
    let missing: Vec<Refusal> =
        Refusal::ALL.into_iter().filter(|refusal| !shown.contains(refusal)).collect();
    // Rates are not built; the others need registers, a restart, a full
    // gateway, a quarter of an hour or a bug.
    assert_eq!(
        missing,
        [
            Refusal::RateLimited,
            Refusal::Overloaded,
            Refusal::WarmingUp,
            Refusal::ReplayStoreUnavailable,
            Refusal::ReplayFull,
            Refusal::AccountStateUnavailable,
            Refusal::InternalError,
            Refusal::PassExpired,
        ]
    );
}

#[test]
fn an_example_is_two_lines_that_a_test_can_read() {
    for example in examples() {
        assert!(!example.command.contains('\n'), "{}", example.command);
        assert!(!example.command.contains("  "), "{}", example.command);
        assert!(!example.name.contains(' '), "{}", example.name);
    }
    let pay = examples().into_iter().find(|example| example.name == "pay").unwrap();
    let text = Examples(vec![(Group::Paying, vec![pay])]).to_string();
    assert!(text.starts_with("# pay -> 200 approved: "), "{text}");
    assert!(text.ends_with("'http://127.0.0.1:7460/pay'\n\n"), "{text}");
}

#[test]
fn names_are_unique() {
    let mut names = HashSet::new();
    for example in examples() {
        assert!(names.insert(example.name), "{}", example.name);
    }
}

#[test]
fn each_example_is_in_a_group_that_the_page_shows() {
    let root = tempfile::tempdir().unwrap();
    let directory = Directory::open(root.path()).unwrap_or_else(|failure| panic!("{failure}"));
    let any = "127.0.0.1:1".parse().unwrap();
    let addresses = Addresses { gateway: any, admin: any, backend: any, accounts: any };
    let examples = Examples::new(&directory, &addresses).unwrap();
    assert!(examples.0.iter().all(|(group, of_it)| examples.of(*group).len() == of_it.len()));
    let untold: Vec<&str> = examples
        .all()
        .map(|example| example.name)
        .filter(|name| crate::cli::sandbox::pages::about_in_chinese(name).is_none())
        .collect();
    assert!(untold.is_empty(), "no Chinese sentence in pages/commands/chinese.rs: {untold:?}");
}
