//! `cargo +nightly fuzz run readers`, in `gateway/body/`.

#![no_main]

#[path = "../targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::readers(data));
