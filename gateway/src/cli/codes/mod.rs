//! What a person does with one code or pass: make it, and look into it.

pub(super) mod inspect;
pub(super) mod mint;
