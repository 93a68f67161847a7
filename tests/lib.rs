//! End-to-end tests of Yanma live in `it/`; this library is empty on purpose.
