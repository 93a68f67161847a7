//! What the gateway promises: a genuine code pays once, whatever happens, and every answer is true.

mod code;
mod faults;
mod his;
mod leaving;
mod loadtest;
mod outcomes;
mod pay;
mod registers;
mod retry;
mod single_use;
mod state;
mod upgrade;
mod visit;
