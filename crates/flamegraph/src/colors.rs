//! Colours: what kind of code a box is can be seen before it is read.
//!
//! Blue and orange, because those are told apart by nearly everyone. Within a kind each name has
//! a shade of its own, always the same one, so that neighbours differ and two graphs compare.

use inferno::flamegraph::color::{Color, PaletteMap};

use crate::names::{Class, Names};

/// What the colours mean, for the reader of the graph.
pub(crate) const LEGEND: &str =
    "blue: user, light blue: inlined, orange: kernel, grey or pale: no name";

/// The colours of all boxes.
pub(crate) fn palette(names: &Names) -> PaletteMap {
    let mut palette = PaletteMap::default();
    for (text, class) in names.iter() {
        palette.insert(text, color(text, class));
    }
    palette
}

/// The colour of a box.
pub(crate) fn color(text: &str, class: Class) -> Color {
    let ([r, g, b], spread) = match class {
        Class::Label => ([226, 224, 210], 14),
        Class::User => ([118, 172, 222], 34),
        Class::Inlined => ([176, 216, 238], 18),
        Class::Kernel => ([240, 152, 64], 40),
        Class::Unnamed => ([184, 184, 184], 24),
        Class::UnnamedKernel => ([240, 200, 156], 14),
    };
    let shade = u8::try_from(u64::from(hash(text)) * spread / u64::from(u32::MAX)).unwrap_or(0);
    let lighter = |part: u8| part.saturating_add(shade);
    Color { r: lighter(r), g: lighter(g), b: lighter(b) }
}

/// FNV-1a, which is the same on every machine.
fn hash(text: &str) -> u32 {
    text.bytes()
        .fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
