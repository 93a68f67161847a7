//! The sandbox in a browser: what a patient, a cashier and a developer see.

mod till;
