//! What the benchmark reports: figures, their medians, tables, budgets and the drawing of growth.
//!
//! It only computes: what is measured comes in as values, what is printed or stored goes out as text.

pub mod budgets;
pub mod figures;
pub mod growth;
pub mod markdown;
pub mod run;
pub mod scenario;
pub mod statistics;
pub mod table;
