//! Snapshots of Envoy's counters: what was counted between two of them.
//!
//! ```text
//!   /stats, as text, JSON or for Prometheus ─> Snapshot ─┐
//!                                                        ├─> count: so many requests, or the reason why not
//!   /server_info, beside it ─────────────> ServerInfo ───┘
//! ```
//!
//! # What is counted
//! A [`Quantity`] is a sum of counters that tells each event once. Requests are those of
//! `http.<prefix>.downstream_rq_total`, without the admin interface's: `listener.*.http.*` tells of the same
//! requests again, `http.<prefix>.user_agent.*` of some of them, and `cluster.*` counts what Envoy asked for, not
//! what it was asked.
//!
//! # What is refused
//! Counters grow, unless somebody reset them or Envoy was restarted; over a hot restart they start
//! anew, too. So if any counter fell the difference means nothing, and [`count`] says so instead of
//! giving a number. Where `/server_info` was kept, restarts and other builds are known from it.
//!
//! The crate refuses to open a file, to know of profiles, and to print.

mod between;
mod json;
mod prometheus;
mod quantity;
mod server_info;
mod snapshot;
mod text;
mod workers;

pub use between::{Refusal, count};
pub use quantity::Quantity;
pub use server_info::{NoServerInfo, ServerInfo, Window};
pub use snapshot::{Form, NoSnapshot, Snapshot};
pub use workers::connections_of_workers;
