//! The shape in which a hospital system reads a refusal, a decoded code and an unknown outcome.
//!
//! Its program reads the body of an answer 200 and one number in it. So each refusal becomes such a
//! body. It is ASCII alone, because these systems guess the charset.

mod answer;
mod ascii;
mod beijing;
mod code_message_data;
mod decoded;
mod fsi;
mod message;
mod setting;
#[cfg(test)]
mod tests;

pub use self::{
    decoded::Decoded,
    message::Asked,
    setting::{Infcode, Shape, Unknown},
};
