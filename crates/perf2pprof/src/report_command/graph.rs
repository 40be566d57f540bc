//! The flame graph of the page.

use flamegraph::MinWidth;
use profile::{Profile, Symbols};

/// How wide the narrowest box may be, in millionths; the first that fits is taken.
const NARROWEST: [u32; 6] = [100, 200, 500, 1_000, 2_000, 5_000];

/// A flame graph that is small enough.
pub(crate) struct Graph {
    /// A page of its own, for a frame within the page.
    pub(crate) document: String,
    /// Boxes of less than this share are left out.
    pub(crate) narrowest: MinWidth,
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
        for narrowest in NARROWEST.map(MinWidth) {
            let mut svg = Vec::new();
            flamegraph::svg(profile, symbols, event, title, narrowest, &mut svg).ok()?;
            let document = document(&String::from_utf8(svg).ok()?);
            let marks = |byte: &u8| matches!(byte, b'<' | b'>' | b'&' | b'"');
            // As an attribute, each of these has up to six letters.
            let escaped = document.len() + 5 * document.bytes().filter(marks).count();
            if escaped < room {
                let is_reduced = narrowest != MinWidth::default();
                return Some(Self { document, narrowest, is_reduced });
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failure is a failed test")]
mod tests {
    use profile::{Event, Frame, Id, Reason, SampleKey, SampleValue, Sampling, Stack, Unit};

    use super::*;

    /// A function of half of the weight, and 3,000 that share the rest.
    fn profile() -> Profile {
        let mut profile = Profile::new();
        profile.events.push(Event {
            name: "cycles".to_owned(),
            recorded_name: "cycles".to_owned(),
            unit: Unit::Count,
            sampling: Sampling::Period(1),
        });
        let name = profile.strings.intern("main".to_owned());
        let frame = profile.frames.intern(Frame::marker(name));
        let main = profile.stacks.intern(Stack { parent: Stack::EMPTY, frame });
        for number in 0..3000_u64 {
            let name = profile.strings.intern(format!("function \"{number}\" <of many>"));
            let frame = profile.frames.intern(Frame::marker(name));
            let stack = profile.stacks.intern(Stack { parent: main, frame });
            let leaf = profile.stacks.intern(Stack { parent: stack, frame });
            let weight = if number == 0 { 30_000 } else { 10 };
            let key = SampleKey { stack: leaf, event: 0, labels: Id::new(0) };
            profile.samples.add(key, SampleValue { count: 1, weight });
        }
        profile
    }

    #[test]
    fn the_graph_has_room_or_less_in_it_or_is_left_out() {
        let profile = profile();
        let symbols = Symbols::none(&profile, Reason::NotAsked);
        let of = |room| Graph::that_fits(&profile, &symbols, 0, "x", room);
        let whole = of(LARGE).unwrap();
        assert!(!whole.is_reduced && whole.document.contains("<svg"));
        let len = maud::html! { p title=(whole.document) {} }.into_string().len();
        let reduced = of(len / 2).unwrap();
        assert!(reduced.is_reduced && reduced.narrowest > whole.narrowest);
        let reduced_len = maud::html! { p title=(reduced.document) {} }.into_string().len();
        assert!(reduced_len < len / 2, "{reduced_len} of {len}");
        assert!(of(1000).is_none());
    }

    const LARGE: usize = 50_000_000;
}
