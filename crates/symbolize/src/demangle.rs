//! Names for people: demangled and simplified as pprof does it.
//!
//! `_ZN5Envoy4Http12ActiveStream6decodeIiEEvT_` is shown as `Envoy::Http::ActiveStream::decode`. The
//! parameters and template arguments that go are what makes C++ names unreadable in a flame
//! graph, and pprof drops them as well when it demangles a profile itself.

use std::borrow::Cow;

use cpp_demangle::{
    BorrowedSymbol, DemangleNodeType, DemangleOptions, DemangleWrite, ParseOptions,
};

/// Enough for the deepest names of Envoy's and absl's templates, and no danger to a thread's stack:
/// a level takes less than a kilobyte.
const RECURSION_LIMIT: u32 = 1024;

/// Names longer than this are left alone: demangling can grow a name exponentially.
const MAX_MANGLED_LEN: usize = 16 * 1024;

/// And no demangled name may be longer than this.
const MAX_DEMANGLED_LEN: usize = 64 * 1024;

/// The name for people of a linker's name: C++ and Rust names demangled and simplified; any other
/// name, or one that no demangler takes, as it is, so that pprof may have a try.
pub(crate) fn demangle(name: &str) -> Cow<'_, str> {
    if name.len() > MAX_MANGLED_LEN {
        return Cow::Borrowed(name);
    }
    // Rust's legacy names are valid C++ names, with a hash at the end that nobody wants to see.
    if let Ok(rust) = rustc_demangle::try_demangle(name) {
        return Cow::Owned(simplify_rust(&format!("{rust:#}")));
    }
    if name.starts_with("_Z") || name.starts_with("__Z") || name.starts_with("_GLOBAL_") {
        return demangle_cpp(name).map_or(Cow::Borrowed(name), Cow::Owned);
    }
    Cow::Borrowed(name)
}

fn demangle_cpp(name: &str) -> Option<String> {
    // `.llvm.123`, `.cold` and their like name a variant of the function, not another function.
    let mangled = name.split_once('.').map_or(name, |(function, _)| function);
    let parse = ParseOptions::default().recursion_limit(RECURSION_LIMIT);
    let (symbol, rest) = BorrowedSymbol::with_tail_and_options(mangled.as_bytes(), &parse).ok()?;
    if !rest.is_empty() {
        return None;
    }
    let print =
        DemangleOptions::new().no_params().no_return_type().recursion_limit(RECURSION_LIMIT);
    let mut simplified = WithoutTemplateArguments::default();
    symbol.structured_demangle(&mut simplified, &print).ok()?;
    Some(without_enclosing_parameters(&simplified.text))
}

/// Takes the demangler's text and leaves template arguments out. The demangler says where they
/// begin and end, so `operator<`, `operator->` and `(a > b)` need no guessing.
#[derive(Default)]
struct WithoutTemplateArguments {
    text: String,
    /// The nodes that were entered: whether each is a list of template arguments.
    nodes: Vec<bool>,
    /// How many of them are.
    depth: usize,
    /// A list was left, and its `>` comes next.
    closing: bool,
}

impl DemangleWrite for WithoutTemplateArguments {
    fn push_demangle_node(&mut self, node: DemangleNodeType) {
        let is_arguments = node == DemangleNodeType::TemplateArgs;
        self.nodes.push(is_arguments);
        if is_arguments {
            self.depth += 1;
            if self.depth == 1 {
                // The opening `<` is written before the list is entered, and set off from an
                // operator that ends in `<`.
                self.text.truncate(self.text.trim_end_matches('<').len().max(self.text.len() - 1));
                self.text.truncate(self.text.trim_end_matches(' ').len());
            }
        }
    }

    fn write_string(&mut self, text: &str) -> std::fmt::Result {
        if self.depth > 0 {
            return Ok(());
        }
        let text = if std::mem::take(&mut self.closing) {
            text.strip_prefix('>').unwrap_or(text)
        } else {
            text
        };
        if self.text.len() + text.len() > MAX_DEMANGLED_LEN {
            return Err(std::fmt::Error);
        }
        self.text.push_str(text);
        Ok(())
    }

    fn pop_demangle_node(&mut self) {
        if self.nodes.pop() == Some(true) {
            self.depth -= 1;
            self.closing = self.depth == 0;
        }
    }
}

/// Drops the parameters of functions that a lambda or a local class is in:
/// `run(int) const::{lambda(char)#1}::operator()` is `run::{lambda(char)#1}::operator()`.
fn without_enclosing_parameters(name: &str) -> String {
    let mut simplified = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(open) = rest.find(['(', '{']) {
        let (before, group) = rest.split_at(open);
        let (group, after) = split_group(group);
        let is_parameters = group.starts_with('(')
            && group != "(anonymous namespace)"
            && !(group == "()" && before.ends_with("operator"));
        simplified.push_str(before);
        if is_parameters {
            let qualifiers = after.find("::").unwrap_or(after.len());
            let is_qualified = matches!(
                after[..qualifiers].trim(),
                "const" | "volatile" | "const volatile" | "&" | "&&" | "const &"
            );
            rest = if is_qualified { &after[qualifiers..] } else { after };
        } else {
            simplified.push_str(group);
            rest = after;
        }
    }
    simplified.push_str(rest);
    simplified
}

/// Splits behind the bracket that closes the one at the beginning of `text`.
fn split_group(text: &str) -> (&str, &str) {
    let mut depth = 0_usize;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'(' | b'{' => depth += 1,
            b')' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return text.split_at(index + 1);
        }
    }
    (text, "")
}

/// Drops generic arguments, `alloc::vec::Vec<u8>::push` being `alloc::vec::Vec::push`, and keeps
/// `<T as Trait>::method`, in which the angle brackets are no arguments.
fn simplify_rust(name: &str) -> String {
    let mut simplified = String::with_capacity(name.len());
    let mut depth = 0_usize;
    let mut previous = '\0';
    for (index, character) in name.char_indices() {
        let opens_arguments = character == '<'
            && (depth > 0
                || simplified.ends_with("::")
                || previous.is_alphanumeric()
                || previous == '_');
        if opens_arguments {
            if depth == 0 && simplified.ends_with("::") && name[index..].contains('>') {
                simplified.truncate(simplified.len() - 2);
            }
            depth += 1;
        } else if depth > 0 && character == '>' && previous != '-' {
            depth -= 1;
        } else if depth == 0 {
            simplified.push(character);
        }
        previous = character;
    }
    if depth == 0 { simplified } else { name.to_owned() }
}
