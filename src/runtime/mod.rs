//! Domain-free plumbing.
