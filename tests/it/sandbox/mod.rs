//! The sandbox's pages, and what developers of hospital systems build against.

mod openapi;
