//! What the frames of a flame graph are called, and what kind of code they are.

use std::ops::Range;

use profile::{Frame, Id, Profile, Symbols, Table};

/// Distinct texts of boxes, and those of each frame.
#[derive(Debug)]
pub(crate) struct Names {
    texts: Table<String>,
    /// By text.
    classes: Vec<Class>,
    style: Style,
    /// By frame: rows of `expanded`.
    frames: Vec<Range<usize>>,
    /// The names of each frame, caller before inlined callee.
    expanded: Vec<Id<String>>,
}

/// What kind of code a box stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// No code: the thread, or a marker of a stack.
    Label,
    /// A function of a program or library.
    User,
    /// The same, inlined into its caller.
    Inlined,
    /// A function of the kernel.
    Kernel,
    /// User code whose name is not known.
    Unnamed,
    /// Kernel code whose name is not known.
    UnnamedKernel,
}

/// How much a text tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// The name alone.
    Plain,
    /// The name with the marks that `flamegraph.pl` knows for inlined and kernel code, so that those are boxes of
    /// their own. inferno does not show the marks.
    Annotated,
}

impl Names {
    /// The names of all frames of a profile. Row 0 is no name, and no frame has it.
    pub(crate) fn of(profile: &Profile, symbols: &Symbols, style: Style) -> Self {
        let mut names = Self {
            texts: Table::new(),
            classes: vec![Class::Label],
            style,
            frames: Vec::with_capacity(profile.frames.len()),
            expanded: Vec::new(),
        };
        names.texts.intern(String::new());
        for (id, frame) in profile.frames.iter() {
            let start = names.expanded.len();
            names.expand(profile, symbols, id, frame);
            names.frames.push(start..names.expanded.len());
        }
        names
    }

    fn expand(&mut self, profile: &Profile, symbols: &Symbols, id: Id<Frame>, frame: &Frame) {
        let is_kernel = profile.binaries[frame.binary].kind.is_kernel();
        let lines = symbols.lines(id);
        for (depth, line) in lines.iter().enumerate().rev() {
            let is_physical = depth + 1 == lines.len();
            let class = match (is_kernel, is_physical) {
                (true, _) => Class::Kernel,
                (false, true) => Class::User,
                (false, false) => Class::Inlined,
            };
            let name = self.intern(symbols.text(symbols.functions[line.function].name), class);
            self.expanded.push(name);
        }
        if lines.is_empty() {
            let class = match (frame.marker_text(), is_kernel) {
                (Some(_), _) => Class::Label,
                (None, true) => Class::UnnamedKernel,
                (None, false) => Class::Unnamed,
            };
            let name = self.intern(&symbols.placeholder(profile, id), class);
            self.expanded.push(name);
        }
    }

    /// The name of a box that is not a frame's.
    pub(crate) fn intern(&mut self, name: &str, class: Class) -> Id<String> {
        let mut text = escape(name);
        if self.style == Style::Annotated {
            text.push_str(match class {
                Class::Kernel | Class::UnnamedKernel => "_[k]",
                Class::Inlined => "_[i]",
                Class::Label | Class::User | Class::Unnamed => "",
            });
        }
        let id = self.texts.intern(text);
        if id.index() == self.classes.len() {
            self.classes.push(class);
        }
        id
    }

    /// The names of a frame, caller before inlined callee; at least one.
    pub(crate) fn of_frame(&self, frame: Id<Frame>) -> &[Id<String>] {
        &self.expanded[self.frames[frame.index()].clone()]
    }

    /// The text of a name.
    pub(crate) fn text(&self, id: Id<String>) -> &str {
        &self.texts[id]
    }

    /// By name: its place among all of them in the order of the alphabet.
    pub(crate) fn ranks(&self) -> Vec<u32> {
        let mut sorted: Vec<Id<String>> = self.texts.iter().map(|(id, _)| id).collect();
        sorted.sort_unstable_by_key(|id| self.text(*id));
        let mut ranks = vec![0; sorted.len()];
        for (rank, id) in (0..).zip(sorted) {
            ranks[id.index()] = rank;
        }
        ranks
    }

    /// Every text with its class; of the classes that share a text, the first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Class)> {
        self.texts.iter().map(|(id, text)| (text.as_str(), self.classes[id.index()]))
    }
}

/// The name as one frame of a folded line. The format knows no escapes, so what would end the
/// frame or the line is replaced, `;` as `stackcollapse-perf.pl` does. A last word of digits
/// would be read as a weight, and `# ` at the start of a line as a comment.
pub(crate) fn escape(name: &str) -> String {
    let mut text = printable(name).replace(';', ":");
    if text.is_empty() {
        return "[no name]".to_owned();
    }
    if let Some((head, last)) = text.rsplit_once(' ')
        && last.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    {
        text = format!("{head}_{last}");
    }
    if text == "#" || text.starts_with("# ") {
        text.insert(0, '_');
    }
    text
}

/// The text in one line, without what XML cannot express.
pub(crate) fn printable(text: &str) -> String {
    let replaced = text.chars().map(|c| match c {
        '\u{fffe}' | '\u{ffff}' => ' ',
        c if c.is_control() || c.is_whitespace() => ' ',
        c => c,
    });
    replaced.collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cpp_names_stay_as_they_are() {
        for name in ["operator new", "(anonymous namespace)::f", "std::map<int, A&>::at", "x 1a"] {
            assert_eq!(escape(name), name);
        }
    }

    #[test]
    fn what_the_format_would_misread_is_replaced() {
        assert_eq!(escape("<[u8; 8] as T>::f"), "<[u8: 8] as T>::f");
        assert_eq!(escape("lambda 1"), "lambda_1");
        assert_eq!(escape("a\nb\t"), "a b");
        assert_eq!(escape("# a"), "_# a");
        assert_eq!(escape(" \0"), "[no name]");
    }

    proptest! {
        /// As flame graph tools read a line: one or two numbers at its end are weights.
        #[test]
        fn any_name_is_one_frame(name in "(\\PC|[ ;#0-9.\n]){0,8}") {
            let text = escape(&name);
            let line = format!("{text} 7");
            prop_assert_eq!(line.trim(), &line);
            prop_assert!(!line.starts_with("# ") && !line.contains([';', '\n', '\r']));
            let (stack, weight) = line.rsplit_once(' ').unwrap();
            prop_assert_eq!((stack, weight), (&text[..], "7"));
            let last = stack.rsplit_once(' ').map(|(_, last)| last);
            prop_assert!(last.is_none_or(|last| last.parse::<f64>().is_err()
                || !last.chars().all(|c| c.is_ascii_digit() || c == '.')));
        }
    }
}
