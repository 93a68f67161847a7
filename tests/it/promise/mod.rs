//! What the gateway promises: a genuine code pays once, whatever happens, and every answer is true.

mod accounts;
mod code;
mod faults;
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
