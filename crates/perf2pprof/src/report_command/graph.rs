//! The flame graph of the page.

use profile::{Profile, Symbols};

/// What of the total the lightest box may be, as a divisor; the first that fits is taken.
const LIGHTEST: [u64; 6] = [10_000, 5_000, 2_000, 1_000, 500, 200];

/// A flame graph that is small enough.
pub(crate) struct Graph {
    /// A page of its own, for a frame within the page.
    pub(crate) document: String,
    /// Boxes of less than this share are left out.
    pub(crate) lightest: f64,
    /// Whether these are more than can be seen anyway.
    pub(crate) is_reduced: bool,
}

impl Graph {
    /// The finest flame graph that, escaped, has room; `None` if none does.
    pub(crate) fn that_fits(
        profile: &Profile,
        symbols: &Symbols,
        event: usize,
        title: &str,
        room: usize,
    ) -> Option<Self> {
        for divisor in LIGHTEST {
            let mut svg = Vec::new();
            flamegraph::svg_down_to(profile, symbols, event, title, divisor, &mut svg).ok()?;
            let document = document(&String::from_utf8(svg).ok()?);
            let marks = |byte: &u8| matches!(byte, b'<' | b'>' | b'&' | b'"');
            // As an attribute, each of these has up to six letters.
            let escaped = document.len() + 5 * document.bytes().filter(marks).count();
            if escaped < room {
                #[expect(clippy::cast_precision_loss, reason = "up to ten thousand")]
                let lightest = 1.0 / divisor as f64;
                return Some(Self { document, lightest, is_reduced: divisor != LIGHTEST[0] });
            }
        }
        None
    }
}

/// The picture with its script. It would note in its address what it shows, and here it has none.
fn document(svg: &str) -> String {
    let start = svg.find("<svg").unwrap_or(0);
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>flame graph</title>\
         <style>body{{margin:0}}svg{{display:block}}</style>\
         <script>history.replaceState=function(){{}};</script></head><body>{}</body></html>",
        &svg[start..]
    )
}
