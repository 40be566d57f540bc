//! Function names, as rules have them.

use crate::wrapper;

/// The name of a function without all that rules do not ask for: return type, parameters, template arguments,
/// the marks of compilers (`[abi:..]`, `.cold`, `.llvm.1`, `.isra.0`), and the word that says that it is a thunk. A
/// wrapper of a function object (`std::__1::__function::__func<X>::operator()`) is named as what it wraps, if its name
/// still says that.
///
/// ```
/// let name = "void Envoy::Http::A::encode<int>(int) const [clone .cold]";
/// assert_eq!(lens::normalise_name(name), "Envoy::Http::A::encode");
/// ```
pub fn normalise(name: &str) -> String {
    let name = without_thunk(name);
    if let Some(wrapped) = wrapper::wrapped(name) {
        return simplify(without_thunk(wrapped));
    }
    simplify(name)
}

fn without_thunk(name: &str) -> &str {
    let kinds = ["non-virtual thunk to ", "virtual thunk to ", "covariant return thunk to "];
    kinds.iter().find_map(|kind| name.strip_prefix(kind)).unwrap_or(name)
}

fn simplify(name: &str) -> String {
    if !name.contains(['(', '<', '[', ' ', '.', '{', '@', '\'']) {
        return name.to_owned();
    }
    // `<tokio::Task as Future>::poll` is a method of Rust.
    if let Some(inside) = name.strip_prefix('<') {
        let len = closing(inside, '<', '>').unwrap_or(inside.len());
        let (of, behind) = inside.split_at(len);
        let of = of.split(" as ").next().unwrap_or(of);
        return simplify(&format!("{of}{}", behind.strip_prefix('>').unwrap_or(behind)));
    }
    let mut kept = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        if let Some(behind) = rest.strip_prefix("(anonymous namespace)") {
            kept.push_str("(anonymous namespace)");
            rest = behind;
            continue;
        }
        if let Some(len) = operator_len(&kept, rest) {
            kept.push_str(&rest[..len]);
            rest = &rest[len..];
            continue;
        }
        let pair = match first {
            '(' => ')',
            '<' => '>',
            '[' => ']',
            '{' => '}',
            _ => {
                kept.push(first);
                rest = &rest[first.len_utf8()..];
                continue;
            }
        };
        let inside = &rest[1..];
        let len = closing(inside, first, pair).unwrap_or(inside.len());
        let behind = inside.get(len + 1..).unwrap_or("");
        match first {
            '{' => kept.push_str(if inside.starts_with("lambda") { "{lambda}" } else { "{}" }),
            // What follows the parameters is no part of the name, unless it is inside of the function.
            '(' => match inner(behind) {
                Some(inner) => {
                    rest = inner;
                    continue;
                }
                None => break,
            },
            _ => {}
        }
        rest = behind;
    }
    without_suffixes(without_return_type(kept.trim())).to_owned()
}

/// What is inside of a function, after its parameters: `::{lambda}::operator()`.
fn inner(behind: &str) -> Option<&str> {
    let behind = ["const", "volatile", "&&", "&", " "]
        .iter()
        .fold(behind, |text, word| text.trim_start().strip_prefix(word).unwrap_or(text));
    let behind = behind.trim_start();
    behind.starts_with("::").then_some(behind)
}

/// How long an operator's name is, with the signs that would be taken for brackets.
fn operator_len(before: &str, rest: &str) -> Option<usize> {
    let is_word = before.is_empty() || before.ends_with([':', ' ', '*', '&']);
    let behind = rest.strip_prefix("operator").filter(|_| is_word)?;
    let signs = ["()", "<=>", "<<=", ">>=", "->*", "<<", ">>", "<=", ">=", "->", "<", ">", "[]"];
    signs.iter().find(|sign| behind.starts_with(**sign)).map(|sign| "operator".len() + sign.len())
}

/// The place of the bracket that closes one before `text`.
fn closing(text: &str, open: char, close: char) -> Option<usize> {
    let mut depth = 1_usize;
    let mut before = ' ';
    for (at, letter) in text.char_indices() {
        if letter == open {
            depth += 1;
        } else if letter == close && !(close == '>' && before == '-') {
            depth -= 1;
            if depth == 0 {
                return Some(at);
            }
        }
        before = letter;
    }
    None
}

/// What is behind the last space, but for those that are a part of the name.
fn without_return_type(name: &str) -> &str {
    let mut end = name.len();
    if let Some(at) = name.find("operator ") {
        end = at;
    }
    let mut start = 0;
    for (at, _) in name[..end].match_indices(' ') {
        if !name[..at].ends_with("(anonymous") {
            start = at + 1;
        }
    }
    &name[start..]
}

fn without_suffixes(name: &str) -> &str {
    let ends = [
        ".cold",
        ".llvm.",
        ".isra.",
        ".constprop.",
        ".part.",
        ".lto_priv.",
        ".__uniq.",
        "@@",
        "@plt",
    ];
    let cut = ends.iter().filter_map(|end| name.find(end)).min();
    let name = cut.map_or(name, |at| &name[..at]);
    name.trim_end()
}

#[cfg(test)]
mod tests {
    use super::normalise;
    use proptest::prelude::*;

    #[test]
    fn what_rules_do_not_ask_for_goes() {
        for (name, short) in [
            ("Envoy::Http::A::f(Envoy::B<int>&, bool) const", "Envoy::Http::A::f"),
            ("virtual thunk to Envoy::A::f(int)", "Envoy::A::f"),
            ("void Envoy::A::f<int, std::less<int>>(int)", "Envoy::A::f"),
            ("Envoy::A<Envoy::B>::f", "Envoy::A::f"),
            ("Envoy::(anonymous namespace)::A::f(int)", "Envoy::(anonymous namespace)::A::f"),
            ("std::__1::__thread_proxy[abi:ne190107]", "std::__1::__thread_proxy"),
            ("Envoy::A::operator()(int) const", "Envoy::A::operator()"),
            ("Envoy::A::f(int) const::$_0::operator()(int) const", "Envoy::A::f::$_0::operator()"),
            (
                "Envoy::A::f(int)::{lambda(int)#1}::operator()(int)",
                "Envoy::A::f::{lambda}::operator()",
            ),
            ("operator new(unsigned long)", "operator new"),
            ("operator delete[](void*)", "operator delete"),
            ("bool operator< <int>(Envoy::A const&)", "operator<"),
            ("Envoy::A::operator bool() const", "Envoy::A::operator bool"),
            ("Envoy::A::operator->() const", "Envoy::A::operator->"),
            ("std::ostream& std::operator<< <char>(std::ostream&, char)", "std::operator<<"),
            ("tcp_v4_rcv.isra.0", "tcp_v4_rcv"),
            ("do_softirq.part.0", "do_softirq"),
            ("aes_gcm_enc.llvm.123", "aes_gcm_enc"),
            ("memcpy@@GLIBC_2.14", "memcpy"),
            (
                "<tokio::runtime::task::Core<T, S> as core::future::Future>::poll",
                "tokio::runtime::task::Core::poll",
            ),
            ("Envoy::A::f(int) [clone .cold]", "Envoy::A::f"),
            ("main", "main"),
            ("", ""),
        ] {
            assert_eq!(normalise(name), short, "{name}");
        }
    }

    #[test]
    fn a_wrapper_is_what_it_wraps() {
        for name in [
            "std::__1::__function::__func<Envoy::A::f(int, Envoy::B&&)::$_0, std::__1::allocator<int>, void ()>::operator()()",
            "absl::functional_internal::InvokeObject<Envoy::A::f(int)::$_0, void>(absl::functional_internal::VoidPtr)",
            "void absl::internal_any_invocable::LocalInvoker<false, void, Envoy::A::f(int)::$_0&>(absl::internal_any_invocable::TypeErasedState*)",
        ] {
            assert_eq!(normalise(name), "Envoy::A::f::$_0", "{name}");
        }
        assert_eq!(
            normalise(
                "std::__1::__function::__func<void (*)(), std::__1::allocator<int>, void ()>::operator()()"
            ),
            "std::__1::__function::__func::operator()"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_a_name(name in "(\\PC|[<>(){}\\[\\]:, .]|operator|Envoy::){0,24}") {
            let _ = normalise(&name);
        }
    }
}
