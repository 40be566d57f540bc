//! Two sets of profiles: what changed, and whether that is noise.
//!
//! ```text
//!   stacks of functions ─> Tree ─┬─> FunctionSums ─> Estimate ─┬─> Comparison ─> Verdict
//!   weights by time block        │   by run and block          │   one row per function
//!                                └─> differential flame graph  └─> what could have been seen
//! ```
//!
//! # What is compared
//! The share of all weight that a function has, itself (*self*) and with all that it calls (*total*,
//! once per stack however often it recurs); or its weight per second, or per request
//! ([`Measure`]). Weights are sums of periods, never numbers of samples.
//!
//! # How noise is judged
//! 1. *Effective samples.* Weights differ, so `n` samples are worth `(Σw)² / Σw²` (Kish).
//! 2. *Over-dispersion.* Samples of one second resemble each other. The recording is cut into time
//!    blocks; the variance of a share is that of its ratio over the blocks (linearised), and its
//!    relation to the variance of independent samples is the *design effect*. With several runs
//!    per side the same is done with whole runs, and the larger effect counts. An effect estimated from few blocks
//!    is itself noise, so it is drawn towards the mean over all functions of the side.
//!    Whether there is a difference is judged by the effect of both sides together: where one side has none of
//!    a function of few heavy samples, only the other tells how much it varies.
//! 3. *Interval.* Wilson's interval for each side, at `n` divided by the design effect, and Newcombe's
//!    for the difference: right for functions of few samples, too.
//! 4. *Many functions.* A function can only be called changed if it has the weight for a change that
//!    matters; those are tested, and Benjamini and Hochberg's procedure holds the share of false calls.
//! 5. *A floor.* A change below [`Options::min_change`] and [`Options::min_relative`] is no news, however certain.
//! 6. *Power.* [`Comparison::detectable`] is the smallest change that this data would have shown in four of five
//!    recordings. Where it is larger than what is wanted, the verdict is *inconclusive*, never *pass*.
//!
//! A function that vanished and one that appeared in its place are proposed as one ([`propose_renames`]); that
//! changes no verdict.
//!
//! The crate refuses to read a file, to know an event's name, and to print.

mod adjust;
mod calibrate;
mod compare;
mod effect;
mod estimate;
mod interval;
mod names;
mod number;
mod options;
mod power;
mod renames;
mod sums;
mod tree;
mod verdict;

pub use calibrate::{Calibration, MadeUp, at_most, calibrate, power};
pub use compare::{Call, Change, Comparison, Row, compare};
pub use estimate::{Estimate, Side};
pub use interval::Interval;
pub use names::canonical_name;
pub use options::{Measure, Options};
pub use power::Detectable;
pub use renames::{Rename, propose_renames};
pub use sums::{Block, Cell, FunctionSums, Run};
pub use tree::{Function, Node, Tree};
pub use verdict::Verdict;
