//! Decisions on identities: which certificate an identity may have, and whether its Secret has it.

pub mod decide;
mod entitlement;
pub mod leaf_rules;
pub mod policy;
pub mod profile;
pub mod ready;
pub mod renewal;
pub mod signer;
pub mod spec;
mod subject;
pub mod world;
mod zone;
