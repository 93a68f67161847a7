//! key_set
