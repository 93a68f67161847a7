//! The rules as executable models, searched to the end at a small size. Each rule that is left out
//! has a schedule that breaks the promise.

mod reader;
mod writers;
