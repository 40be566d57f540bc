//! The flame graph of a profile that is at hand as a message.

use std::io::{self, Write};

use pprof_format::proto;
use profile::{Reason, Symbols};

use crate::import::Imported;

/// Draws the event that is shown first, with the names that the profile has.
pub fn flame_graph(profile: &proto::Profile, title: &str, out: &mut dyn Write) -> io::Result<()> {
    let imported = Imported::new(profile);
    let mut symbols = Symbols::none(&imported.profile, Reason::NotAsked);
    imported.keep_names(profile, &mut symbols);
    let event = imported.profile.default_event().unwrap_or(0);
    let min_width = flamegraph::MinWidth::default();
    flamegraph::svg(&imported.profile, &symbols, event, title, min_width, out).map(drop)
}
