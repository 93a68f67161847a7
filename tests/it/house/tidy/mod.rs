//! The house rules that a machine can check. [`ranks`] says which crates and folders there are,
//! [`open`] what does not yet keep a rule. The other files hold one kind of rule each.

mod browser;
mod circles;
mod contents;
mod direction;
mod folders;
mod made_up;
mod manifests;
mod open;
pub(crate) mod ranks;
mod reach;
mod reader;
mod sources;
mod words;
