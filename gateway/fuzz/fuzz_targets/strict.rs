//! `cargo +nightly fuzz run strict`, in `gateway/`.

#![no_main]

#[path = "../targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::strict(data));
