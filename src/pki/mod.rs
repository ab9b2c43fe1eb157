//! X.509, pure.
