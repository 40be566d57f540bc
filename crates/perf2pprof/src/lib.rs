//! The command: arguments, messages, the order of the steps. Everything else is done by the
//! crates below it, and nothing but this crate prints.
//!
//! ```text
//! Args (what was typed) ─┬─> Job (what to do) ─> run ─> Warning, Failure, Summary (what was done)
//!                        └─> Command (a subcommand, each in a file of its own)
//! ```

mod args;
mod binary_table;
mod command;
mod compat;
mod debuginfod;
mod diff;
mod envoy;
mod flame_graph;
mod hints;
mod images;
mod import;
mod inspect;
mod inspection;
mod job;
mod lens_command;
mod lens_labels;
pub mod mapper;
mod merge_command;
mod message;
mod output;
mod progress;
mod proof;
mod recording;
mod report_command;
mod run;
mod select_args;
mod shares;
mod stack_health;
mod stand_in;
mod summary;
mod symbol_args;
mod symbolize_command;
mod symbols_command;
mod threads;
mod timeline_command;
mod view_args;
mod warnings;
mod whole_file;

pub use args::{Args, Labels};
pub use flame_graph::flame_graph;
pub use job::Job;
pub use lens_labels::LensLabels;
pub use message::Failure;
pub use progress::Progress;
pub use run::run;
pub use stand_in::StandIn;
pub use symbol_args::SymbolArgs;
pub use whole_file::{check_output, write_output};
