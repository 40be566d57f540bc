//! Recordings of a fleet as Parquet tables, and profiles back from them.
//!
//! ```text
//!   recordings, .pb.gz ─> profile ─> rows ─> parts ─> recordings, samples, stacks, frames, functions, mappings
//!                                                        └─> --where ─> sums ─> profile ─> .pb.gz, .svg, diff
//! ```
//!
//! The tables are the contract: whatever engine runs the exports, on however many machines, and whatever reads the
//! tables, agree on nothing else. Rows are called by hashes of what they say ([`hash`]), so that tables of
//! different machines are put together by putting their files into one directory, and adding profiles up is a sum.
//! An export writes the same files for the same recordings, whatever their order and the threads; a file that
//! is no recording becomes a row with an error.
//!
//! The crate refuses to schedule, to retry anything but a request to a bucket, and to keep anything outside of
//! the tables; and it believes no file of a table: ids, lists and types are checked, and what a row refers
//! to has to be there.

pub mod args;
pub mod assemble;
pub mod events;
pub mod filter;
pub mod hash;
pub mod input;
pub mod labels;
pub mod map;
pub mod parquet_file;
pub mod part;
pub mod select;
pub mod store;
pub mod tables;

mod compact;
mod export;
mod profile_command;

pub use args::Args;
