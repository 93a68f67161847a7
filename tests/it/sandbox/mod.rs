//! The sandbox as people meet it: what they copy, and what they see.

mod samples;
