//! Flame graphs of a profile: as folded stacks for the tools that read those, and as an SVG that
//! zooms and searches in any browser, without a network.
//!
//! ```text
//! samples ─> tree of names ─┬─> folded   wrk:worker_0;main;Envoy::Server::run;epoll_wait 20408163
//!                           └─> svg      the same boxes, by inferno
//! ```
//!
//! Both add up weights, not samples, and both show all of them: a frame without a name is the
//! box `[envoy+0x1234]`, inlined functions are frames like any other, and the graph's total is
//! the profile's. If the samples have the label `thread_comm`, or else `comm`, its value is the
//! first frame, as it is in the output of `stackcollapse-perf.pl`: Envoy's threads stand side by
//! side.
//!
//! [`draw`] makes the same page of any other tree of boxes, such as a difference of two profiles, coloured by how
//! each box changed ([`Shift`]), or by groups ([`draw_groups`]).
//!
//! The crate refuses to look anything up, and to decide which event is worth a graph: it is
//! asked for one at a time ([`profile::Profile::default_event`] is a good first choice).

mod boxes;
mod colors;
mod diff_colors;
mod folded;
mod group_colors;
mod names;
#[cfg(test)]
mod sight;
mod svg;
mod tree;

pub use boxes::{FlameBox, Group, GroupColor, Heading, Picture, draw, draw_groups};
pub use diff_colors::{Shade, Shift};
pub use folded::folded;
pub use group_colors::GROUP_COLORS;
pub use svg::{MinWidth, svg};
