//! When what ran.
//!
//! ```text
//!   samples: time, thread, group, weight ─┬─> Slices ──┬─> the table of slices x groups
//!                                         │            └─> outliers: slices unlike what is around them
//!                                         └─> Heatmap ───> an SVG: all threads, each worker
//! ```
//!
//! A *group* is what a sample was part of, such as a subsystem. A heat map has a column for each second (or more,
//! of a long recording) and in it a cell for each 20 ms (or more, of a thin one). Few samples make any colour, so the
//! cells are as fine as leaves most samples among at least [`MEANINGFUL`] of their kind, and what has fewer is drawn
//! as a dot.
//!
//! The crate refuses to know what a recording is, to name a group, to open a file, and to print.

mod cells;
mod heatmap;
mod outliers;
mod scale;
mod slices;
mod svg;
mod text;

pub use cells::CellSize;
pub use heatmap::{Heatmap, Marked, Palette, Thread};
pub use outliers::{Outlier, Outliers};
pub use slices::{Slice, Slices};
pub use svg::Style;
pub use text::{range_text, size_text, weight_text};

/// How many samples a cell has to have before its colour means anything.
pub const MEANINGFUL: u64 = 20;

/// A sample, or several of the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Nanoseconds since the recording's first sample.
    pub time: u64,
    /// The number of its thread.
    pub thread: u32,
    /// The number of what it was part of.
    pub group: u32,
    /// How many.
    pub count: u64,
    /// What they weigh.
    pub weight: u64,
}
