//! Wrappers of function objects: libc++'s and absl's names, of which only a template argument says whose code it is.
//!
//! Optimised builds inline the body of a lambda into the wrapper's `operator()`, so that this is the only frame left.

use std::fmt::Write as _;

use cpp_demangle::{BorrowedSymbol, DemangleOptions, ParseOptions};

/// How their names begin, without what a return type would put in front.
const WRAPPERS: [&str; 9] = [
    "std::__1::__function::__func",
    "std::__1::__function::__alloc_func",
    "std::__1::__function::__policy_invoker",
    "std::__1::__invoke",
    "std::__1::__shared_ptr_pointer",
    "std::_Function_handler",
    "absl::functional_internal::InvokeObject",
    "absl::internal_any_invocable::LocalInvoker",
    "absl::internal_any_invocable::RemoteInvoker",
];

/// Names longer than this are left alone: demangling can grow a name exponentially.
const MAX_MANGLED_LEN: usize = 16 * 1024;
const MAX_DEMANGLED_LEN: usize = 64 * 1024;
const RECURSION_LIMIT: u32 = 512;

/// Whether the name of a function, simplified or not, is a wrapper's.
pub(crate) fn is_wrapper(name: &str) -> bool {
    begin(name).is_some()
}

/// What a wrapper wraps, of its whole name: the first template argument that is no type of a standard library.
pub(crate) fn wrapped(name: &str) -> Option<&str> {
    let start = begin(name)?;
    let arguments = name[start..].split_once('<')?.1;
    let (mut depth, mut from) = (0_i32, 0);
    for (at, letter) in arguments.char_indices() {
        match letter {
            '<' | '(' | '[' | '{' => depth += 1,
            ',' | '>' if depth == 0 => {
                let argument = arguments[from..at].trim().trim_end_matches('&');
                if is_own(argument) {
                    return Some(argument);
                }
                from = at + 1;
                if letter == '>' {
                    return None;
                }
            }
            '>' | ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The whole name of a function by its linker's name; `None` if that says no more.
pub(crate) fn whole_name(system_name: &str) -> Option<String> {
    if !system_name.starts_with("_Z") || system_name.len() > MAX_MANGLED_LEN {
        return None;
    }
    let mangled = system_name.split_once('.').map_or(system_name, |(function, _)| function);
    let parse = ParseOptions::default().recursion_limit(RECURSION_LIMIT);
    let (symbol, rest) = BorrowedSymbol::with_tail_and_options(mangled.as_bytes(), &parse).ok()?;
    if !rest.is_empty() {
        return None;
    }
    let print = DemangleOptions::new().recursion_limit(RECURSION_LIMIT);
    let mut name = Bounded(String::new());
    symbol.structured_demangle(&mut name, &print).ok()?;
    Some(name.0)
}

fn begin(name: &str) -> Option<usize> {
    WRAPPERS.iter().find_map(|wrapper| {
        let at = name.find(wrapper)?;
        // A return type stands in front of it, and no bracket: then it is an argument of something else.
        let ends = name[at + wrapper.len()..].chars().next();
        let is_whole = ends.is_none_or(|end| !end.is_alphanumeric() && end != '_');
        (is_whole && !name[..at].contains(['<', '('])).then_some(at)
    })
}

fn is_own(argument: &str) -> bool {
    let is_plain = argument.starts_with(|first: char| first.is_alphabetic());
    let is_standard = ["std::", "absl::", "void "].iter().any(|start| argument.starts_with(start));
    is_plain && argument.contains("::") && !is_standard
}

/// A text that stops growing.
struct Bounded(String);

impl cpp_demangle::DemangleWrite for Bounded {
    fn write_string(&mut self, text: &str) -> std::fmt::Result {
        if self.0.len() + text.len() > MAX_DEMANGLED_LEN {
            return Err(std::fmt::Error);
        }
        self.0.write_str(text)
    }
}
