//! `cargo +nightly fuzz run signature` in `keyring/`.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../targets.rs"]
mod targets;

fuzz_target!(|data: &[u8]| targets::signature(data));
