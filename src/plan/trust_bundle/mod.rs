//! Decisions on published trust bundles: where they belong and what is to be changed there.

pub mod decide;
pub mod published;
