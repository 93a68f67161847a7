mod runbooks;
pub(crate) mod testing;

use std::io;

use clap::CommandFactory;

use super::*;

/// The status that clap's errors lead to.
fn usage_of(arguments: &[&str]) -> u8 {
    let arguments = ["yanma"].iter().chain(arguments);
    let Err(error) = Arguments::try_parse_from(arguments) else { panic!("these are arguments") };
    usage_status(&error)
}

#[test]
fn the_arguments_are_sound() {
    Arguments::command().debug_assert();
}

#[test]
fn help_and_version_are_no_failure() {
    for arguments in [["--help"].as_slice(), &["--version"], &["mint", "--help"], &["help", "keys"]]
    {
        assert_eq!(usage_of(arguments), 0, "{arguments:?}");
    }
}

#[test]
fn wrong_arguments_are_64() {
    for arguments in [[].as_slice(), &["pay"], &["mint"], &["serve", "--port", "1"], &["keys"]] {
        assert_eq!(usage_of(arguments), 64, "{arguments:?}");
    }
}

#[test]
fn a_configuration_or_keyring_that_is_not_there_is_78() {
    for arguments in [
        ["serve", "--config", "/nowhere/gateway.toml"],
        ["check", "--config", "/nowhere/gateway.toml"],
        ["inspect", "--keyring", "/nowhere/keyring"],
    ] {
        let arguments = ["yanma"].iter().chain(&arguments).map(OsString::from);
        assert_eq!(run(arguments), ExitCode::from(78));
    }
}

#[test]
fn a_closed_pipe_is_silent_and_a_full_disk_is_not() {
    assert!(Failure::Output(io::ErrorKind::BrokenPipe.into()).is_silent());
    assert!(!Failure::Output(io::ErrorKind::StorageFull.into()).is_silent());
}
