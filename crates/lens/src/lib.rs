//! Where in Envoy the time of a profile went.
//!
//! ```text
//!   rules (TOML) ─> Rules ─> Lens ──────┐  one look-up per distinct function
//!                                       ├─> Tags: for each stack subsystem, work, filter, direction
//!   Profile, Symbols, Sections ─────────┘  one forward loop over the stack table
//!                                                  ├─> Sums: tables that add up to the whole
//!                                                  └─> labels of the samples
//! ```
//!
//! Neither the innermost function of a stack nor all that are on it say whose time it is: the first is
//! mostly a library, and the router contains nearly everything. So a stack is folded from its root to its
//! leaf, with inlined calls, and gives one answer of four parts:
//!
//! | part | is |
//! |---|---|
//! | subsystem | the innermost *owner*, such as `http.filter` or `tls.handshake`; or the [`Reason`] why there is none |
//! | work | the innermost library or kernel area inside of it (`alloc`, `crypto`, `kernel.net`), or `own` |
//! | filter | the innermost filter since the filter chain was entered last |
//! | direction | `downstream`, `upstream`, or `sidecall` for what a filter asks on its own |
//!
//! Each sample has one cell of subsystem and work, so rows and columns add up to the whole. What no rule
//! knows is said to be unknown, and why: unsymbolized, kernel only, callers lost. Nothing is guessed.
//!
//! The crate refuses to open a file, to know of perf or ELF, to change a stack, and to print.

mod fold;
mod label;
mod name;
mod path;
mod patterns;
mod roles;
mod rule_file;
mod rules;
mod sections;
mod sums;
mod tags;
mod wrapper;

pub use label::add_labels;
pub use name::normalise as normalise_name;
pub use patterns::{Code, Lens, Match, Origin};
pub use roles::{Role, Thread};
pub use rules::{Class, RuleError, Rules};
pub use sections::Sections;
pub use sums::{Cell, Sums};
pub use tags::{Reason, Tag, Tags};
