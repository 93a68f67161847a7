//! What a person does with one code or pass: make it, show it, and look into it.

pub(super) mod inspect;
pub(super) mod issuer;
pub(super) mod mint;
pub(super) mod order;
pub(super) mod qr;
