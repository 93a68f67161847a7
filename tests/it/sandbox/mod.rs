//! The sandbox's pages, and what hospital systems build with: the document of the HTTP door, samples.

mod faults;
mod guard;
mod live;
