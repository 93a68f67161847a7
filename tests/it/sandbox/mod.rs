//! The sandbox's pages, and what hospital systems build with: the document of the HTTP door, samples.

mod code;
mod faults;
mod guard;
mod live;
mod openapi;
mod pages;
mod phone;
mod samples;
mod till;
