use super::super::*;
use super::{parse, problems};

/// One route that reads infnos, by this table.
fn uif(rules: &str) -> String {
    format!(
        "replay.store = \"local\"\n[[backend]]\nname = \"a\"\nendpoints = [\"http://h:1\"]\n\
         [[route]]\npath = \"/uif\"\nbackend = \"a\"\ninfno_at = \"/infno\"\n[route.infno]\n{rules}"
    )
}

fn scan(keys: &str) -> String {
    format!(
        "replay.store = \"local\"\n[[backend]]\nname = \"a\"\nendpoints = [\"http://h:1\"]\n\
         [[route]]\npath = \"/free\"\ncode = \"none\"\nbackend = \"a\"\n\
         [[route]]\npath = \"/scan\"\n{keys}"
    )
}

#[test]
fn a_settlement_that_spends_nothing_is_a_warning() {
    for (rules, expected) in [
        ("\"2207\" = \"pass\"\n\"1101\" = \"pass_check\"", &[][..]),
        ("\"2207\" = \"pass_check\"", &["2207, a settlement"]),
        ("\"2102\" = \"none\"\n\"2304\" = \"check\"", &["2102, a", "2304, a"]),
        ("\"22*\" = \"none\"\n\"2304\" = \"redeem\"", &["2207, a settlement"]),
        ("\"22*\" = \"none\"\n\"2207\" = \"pass\"", &[]),
        ("\"2207\" = \"pass\"\n\"*\" = \"none\"", &["2102, a", "2304, a", "has a rule \"*\""]),
    ] {
        let told = warnings::of(&parse(&uif(rules)).unwrap());
        assert_eq!(told.len(), expected.len(), "{rules}: {told:#?}");
        for (warning, part) in told.iter().zip(expected) {
            assert!(warning.starts_with("route \"/uif\"") && warning.contains(part), "{warning}");
        }
    }
}

#[test]
fn an_exchange_may_be_answered_without_a_backend() {
    let decode = "code = \"exchange\"\nanswer = \"decode\"";
    let config = parse(&scan(decode)).unwrap();
    assert_eq!(config.routes[1].rule.backend, None);
    let config =
        parse(&scan("code = \"exchange\"\nanswer = \"backend\"\nbackend = \"a\"")).unwrap();
    assert_eq!(config.routes[1].rule.backend, Some(0));

    // Of a table of infnos one may be answered here, whatever backend the others have.
    let rules =
        "\"1162\" = { code = \"exchange\", answer = \"decode\" }\n\"1101\" = \"pass_check\"";
    let config = parse(&uif(rules)).unwrap();
    let backends: Vec<_> = config.routes[0].rules().map(|rule| rule.backend).collect();
    assert_eq!(backends, [Some(0), None], "in the order of their keys");
}

#[test]
fn what_cannot_be_answered_here_is_a_mistake() {
    for (keys, expected) in [
        (
            "code = \"redeem\"\nanswer = \"decode\"",
            "answer = \"decode\": only a route with code = ",
        ),
        (
            "code = [\"exchange\", \"pass\"]\nanswer = \"decode\"",
            "answer = \"decode\": only a route with code = ",
        ),
        (
            "code = \"exchange\"\nanswer = \"decode\"\nbackend = \"a\"",
            "must be left out where answer = \"decode\"",
        ),
        (
            "code = \"exchange\"\nanswer = \"decode\"\nregion_backends = { \"37\" = \"a\" }",
            "region_backends: must be left out where answer = \"decode\"",
        ),
        ("code = \"exchange\"\nanswer = \"self\"\nbackend = \"a\"", "\"backend\" or \"decode\""),
        ("code = \"exchange\"\nanswer = \"backend\"", "backend is missing"),
    ] {
        let found = problems(&scan(keys));
        assert!(found.len() == 1 && found[0].contains(expected), "{found:#?} for {keys}");
    }
}
