use super::*;

#[test]
fn names_of_the_admin_listener_are_kept_in_lower_case() {
    let hosts = |text: &str| {
        let hosts = parse(&with(text)).unwrap().admin.hosts;
        hosts.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(hosts("[admin]\nhosts = [\"GW-1.example\", \"gw\"]"), ["gw-1.example", "gw"]);
    assert!(hosts("").is_empty());
}

#[test]
fn each_mistake_in_a_name_has_one_line_that_names_it() {
    for (written, expected) in [
        ("[]", "admin.hosts = []: must be an array of 1 to 32 values; or leave the key out"),
        ("[\"10.0.0.1\"]", "admin.hosts[1] = \"10.0.0.1\": must be a host name such as"),
        ("[\"a:7461\"]", "admin.hosts[1] = \"a:7461\": must be a host name such as"),
        ("[\"*.example\"]", "admin.hosts[1] = \"*.example\": must be a host name such as"),
        ("[\"a\", \"A\"]", "admin.hosts[2] = \"A\": must be a name that is not there already"),
    ] {
        let lines = problems(&with(&format!("[admin]\nhosts = {written}")));
        assert!(lines.len() == 1 && lines[0].contains(expected), "{written}: {lines:?}");
    }
}
