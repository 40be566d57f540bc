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
pub fn demangle(name: &str) -> Cow<'_, str> {
    if name.len() > MAX_MANGLED_LEN {
        return Cow::Borrowed(name);
    }
    if let Some(rust) = demangle_rust(name) {
        return Cow::Owned(rust);
    }
    if name.starts_with("_Z") || name.starts_with("__Z") || name.starts_with("_GLOBAL_") {
        return demangle_cpp(name).map_or(Cow::Borrowed(name), Cow::Owned);
    }
    Cow::Borrowed(name)
}

/// Rust's older mangling is C++'s with a hash at the end, which is how the two are told apart.
fn demangle_rust(name: &str) -> Option<String> {
    let demangled = rustc_demangle::try_demangle(name).ok()?;
    let (full, without_hash) = (demangled.to_string(), format!("{demangled:#}"));
    (name.starts_with("_R") || full != without_hash).then_some(without_hash)
}

fn demangle_cpp(name: &str) -> Option<String> {
    if let Some((kind, function)) = thunk(name) {
        return Some(format!("{kind} to {}", demangle_cpp(&format!("_Z{function}"))?));
    }
    // `.llvm.123`, `.cold` and their like name a variant of the function, not another function.
    let mangled = name.split_once('.').map_or(name, |(function, _)| function);
    simplify_cpp(mangled).or_else(|| simplify_cpp(&without_parameter_kinds(mangled)?))
}

fn simplify_cpp(mangled: &str) -> Option<String> {
    let parse = ParseOptions::default().recursion_limit(RECURSION_LIMIT);
    let (symbol, rest) = BorrowedSymbol::with_tail_and_options(mangled.as_bytes(), &parse).ok()?;
    if !rest.is_empty() {
        return None;
    }
    let print =
        DemangleOptions::new().no_params().no_return_type().recursion_limit(RECURSION_LIMIT);
    let mut simplified = WithoutTemplateArguments::default();
    symbol.structured_demangle(&mut simplified, &print).ok()?;
    let name = [" &&", " &", " volatile", " const"]
        .iter()
        .fold(&*simplified.text, |name, qualifier| name.strip_suffix(qualifier).unwrap_or(name));
    Some(without_enclosing_parameters(name))
}

/// A mangled name without the kinds of its template parameters; `None` if it states none.
///
/// Since version 18 clang mangles, where it matters, of what kind a template parameter is in front
/// of its argument: `Tn` and the type of the parameter. libc++ and absl are full of them, and
/// `cpp_demangle` does not know them. Without the `Tn` the type reads as one more argument: it
/// keeps its place in the numbering of what later parts refer back to, and arguments are not shown.
fn without_parameter_kinds(mangled: &str) -> Option<String> {
    let mut kept = String::with_capacity(mangled.len());
    let mut rest = mangled;
    while let Some(first) = rest.chars().next() {
        if let Some(behind) = rest.strip_prefix("TpTn").or_else(|| rest.strip_prefix("Tn")) {
            rest = behind;
            continue;
        }
        let len = identifier_len(&kept, rest).unwrap_or(first.len_utf8());
        let (token, behind) = rest.split_at_checked(len)?;
        kept.push_str(token);
        rest = behind;
    }
    (kept.len() < mangled.len()).then_some(kept)
}

/// The length of an identifier at the beginning of `rest`, with its own length in front (`3Foo`).
/// The digits of back references (`S3_`, `T0_`) and literals (`Li3E`) begin none.
fn identifier_len(before: &str, rest: &str) -> Option<usize> {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let is_reference = before.ends_with(['S', 'T']);
    let is_literal = match before.as_bytes() {
        [.., b'L', kind] | [.., b'L', kind, b'n'] => kind.is_ascii_lowercase(),
        _ => false,
    };
    if digits == 0 || is_reference {
        return None;
    }
    if is_literal {
        return Some(digits);
    }
    rest[..digits].parse::<usize>().ok()?.checked_add(digits)
}

/// What kind of thunk a name is, and the mangling, without `_Z`, of the function it leads to. A
/// thunk corrects `this` on the way into a method that was called through another base class.
fn thunk(name: &str) -> Option<(&'static str, &str)> {
    let (kind, numbers, offsets) = match name.get(..4)? {
        "_ZTh" => ("non-virtual thunk", 1, &name[4..]),
        "_ZTv" => ("virtual thunk", 2, &name[4..]),
        _ => return None,
    };
    let mut rest = offsets;
    for _ in 0..numbers {
        let (number, behind) = rest.split_once('_')?;
        let digits = number.strip_prefix('n').unwrap_or(number);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        rest = behind;
    }
    Some((kind, rest))
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
        self.text.push_str(without_standard_arguments(text));
        Ok(())
    }

    fn pop_demangle_node(&mut self) {
        if self.nodes.pop() == Some(true) {
            self.depth -= 1;
            self.closing = self.depth == 0;
        }
    }
}

/// The classes that have a mangling of their own are written in one piece.
fn without_standard_arguments(text: &str) -> &str {
    match text {
        "std::basic_istream<char, std::char_traits<char> >" => "std::istream",
        "std::basic_ostream<char, std::char_traits<char> >" => "std::ostream",
        "std::basic_iostream<char, std::char_traits<char> >" => "std::iostream",
        _ => text,
    }
}

/// Empties the parameters of functions that a lambda or a local class is in:
/// `run(int) const::{lambda(char)#1}::operator()` is `run() const::{lambda(char)#1}::operator()`.
fn without_enclosing_parameters(name: &str) -> String {
    let mut simplified = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(open) = rest.find(['(', '{']) {
        let (before, group) = rest.split_at(open);
        let (group, after) = split_group(group);
        simplified.push_str(before);
        rest = after;
        let is_operator = group == "()" && before.ends_with("operator");
        if group.starts_with('{') || group == "(anonymous namespace)" || is_operator {
            simplified.push_str(group);
        } else {
            simplified.push_str("()");
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

#[cfg(test)]
mod tests {
    use super::demangle;

    /// Each as the Go pprof shows it (`demangle.Filter` with `NoParams`, `NoEnclosingParams` and
    /// `NoTemplateParams`), but for those marked.
    const NAMES: &[(&str, &str)] = &[
        // Plain names, and names of no kind.
        ("main", "main"),
        ("_start", "_start"),
        ("memcpy", "memcpy"),
        ("_ZN5Envoy", "_ZN5Envoy"),
        ("_Z", "_Z"),
        ("", ""),
        // Parameters, return types, qualifiers.
        ("_ZN5Envoy4Http12ActiveStream6decodeIiEEvT_", "Envoy::Http::ActiveStream::decode"),
        ("_ZNSt6vectorIiSaIiEE9push_backEOi", "std::vector::push_back"),
        ("_ZN3FooILi3EE3barEv", "Foo::bar"),
        ("_ZN3FooIXgtLi3ELi2EEE3barEv", "Foo::bar"),
        ("_Z3fooILb1EEvv", "foo"),
        ("_ZNK3Foo3barB5cxx11Ev", "Foo::bar[abi:cxx11]"),
        ("_ZNO3Foo3barEv", "Foo::bar"),
        ("_ZNKR3Foo3barEv", "Foo::bar"),
        ("_ZSt4moveIRiEONSt16remove_referenceIT_E4typeEOS2_", "std::move"),
        // Constructors and destructors.
        ("_ZN3FooC1Ev", "Foo::Foo"),
        ("_ZN3FooD0Ev", "Foo::~Foo"),
        ("_ZNSaIcEC1Ev", "std::allocator::allocator"),
        // Operators whose names have angle brackets or parentheses.
        ("_ZlsRSoRK3Foo", "operator<<"),
        ("_ZN3FooltERKS_", "Foo::operator<"),
        ("_ZN3FoossERKS_", "Foo::operator<=>"),
        ("_ZN3FooptEv", "Foo::operator->"),
        ("_ZN3FooclEi", "Foo::operator()"),
        ("_ZltIiEbRK3FooIT_ES3_", "operator<"),
        ("_ZN3FoocvbEv", "Foo::operator bool"),
        ("_ZN3FoonwEm", "Foo::operator new"),
        ("_ZdlPvm", "operator delete"),
        // Lambdas and what else is inside a function.
        ("_ZN12_GLOBAL__N_13fooEv", "(anonymous namespace)::foo"),
        ("_ZZN3Foo3barEiENUlvE_clEv", "Foo::bar()::{lambda()#1}::operator()"),
        ("_ZZNK3Foo3barEiENKUlcE0_clEc", "Foo::bar() const::{lambda(char)#2}::operator()"),
        ("_ZNSt8functionIFvvEEC2IZ3barvEUlvE_vEEOT_", "std::function::function"),
        // Variants of one function that the compiler made.
        ("_ZN4Edge5thingEv.cold", "Edge::thing"),
        ("_ZN4Edge5thingEi.llvm.12345", "Edge::thing"),
        ("_ZN4Edge5thingEi.constprop.0.isra.1", "Edge::thing"),
        // pprof leaves the parameters of thunks.
        ("_ZThn16_N3Foo3barEi", "non-virtual thunk to Foo::bar"),
        ("_ZTv0_n24_N3Foo3barEv", "virtual thunk to Foo::bar"),
        // Rust, older and newer. pprof drops the type arguments of the newer one.
        ("_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write"),
        ("_RNvNtCs1234_7mycrate3foo3bar", "mycrate::foo::bar"),
        // Kinds of template parameters, which `cpp_demangle` does not know.
        ("_ZN3FooILi1EE3barITnmLm2EEEvv", "Foo::bar"),
        (
            "_ZNSt3__14swapB8ne190107IiTnNS_9enable_ifIXsr13is_assignableIT_EE5valueEiE4typeELi0EEEvRS1_S3_",
            "std::__1::swap[abi:ne190107]",
        ),
        (
            "_ZNSt3__110__str_findB8ne190107IcmNS_11char_traitsIcEETnT0_Lm18446744073709551615EEES3_PKT_S3_S4_S3_",
            "std::__1::__str_find[abi:ne190107]",
        ),
        ("_Z3fooIJiiETpTnmJLm0ELm1EEEvv", "foo"),
        // Not understood at all: left to pprof's demangler.
        ("_Z3fooITk1CiEvv", "_Z3fooITk1CiEvv"),
    ];

    #[test]
    fn names_are_shown_as_pprof_shows_them() {
        for (mangled, expected) in NAMES {
            assert_eq!(demangle(mangled), *expected, "{mangled}");
        }
    }

    #[test]
    fn no_name_takes_long_or_panics() {
        let nested = format!("_Z{}1aE", "N".repeat(100_000));
        assert_eq!(demangle(&nested), nested);
        let deep = format!("_Z1aI{}vE", "P".repeat(10_000));
        assert_eq!(demangle(&deep), deep);
        // Each substitution doubles the text.
        let doubling = "_Z1fSt4pairIiiE".to_owned() + &"S_IS_S_E".repeat(40);
        demangle(&doubling);
        for name in ["_ZTh", "_ZThn_", "_ZTv0_", "_ZThé", "_R", "__Z", "_GLOBAL_", "_ZN(", "é"] {
            demangle(name);
        }
    }
}
