//! What the threads of Envoy are for.

use crate::patterns::Lens;
use crate::rule_file::Str;

/// A thread, as far as a profile tells.
#[derive(Clone, Copy, Debug, Default)]
pub struct Thread<'a> {
    /// Its name, of which the kernel keeps 15 characters.
    pub name: &'a str,
    /// Its process and its number.
    pub ids: Option<(i64, i64)>,
}

/// What a thread is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role<'a> {
    /// As its name says, by the rules: `worker`, `watchdog`.
    Named(&'a str),
    /// It began the process.
    Main,
    /// It has its creator's name, and is not the main thread.
    Unnamed,
    /// Either of these: without its number, they are not told apart.
    MainOrUnnamed,
}

impl<'a> Role<'a> {
    /// What it is called.
    pub fn text(self) -> &'a str {
        match self {
            Self::Named(role) => role,
            Self::Main => "main",
            Self::Unnamed => "unnamed",
            Self::MainOrUnnamed => "main or unnamed",
        }
    }
}

impl Lens {
    /// What a thread is for.
    pub fn role(&self, thread: &Thread<'_>) -> Role<'_> {
        let is_named = |pattern: &Str| match pattern.split_once('*') {
            Some((start, end)) => {
                thread.name.strip_prefix(start).is_some_and(|rest| rest.ends_with(end))
            }
            None => thread.name == pattern,
        };
        if let Some(rule) = self.threads.iter().find(|rule| rule.comm.iter().any(is_named)) {
            return Role::Named(&rule.role);
        }
        match thread.ids {
            Some((pid, tid)) if pid == tid => Role::Main,
            Some(_) => Role::Unnamed,
            None => Role::MainOrUnnamed,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Lens, Rules, Thread};

    #[test]
    fn pools_inherit_names_and_are_not_the_main_thread() {
        let lens = Lens::new(Rules::built_in());
        let role = |name, ids| lens.role(&Thread { name, ids }).text();
        assert_eq!(role("wrk:worker_11", None), "worker");
        assert_eq!(role("dog:workers_gua", Some((1, 9))), "watchdog");
        assert_eq!(role("envoy", Some((1, 1))), "main");
        assert_eq!(role("envoy", Some((1, 7))), "unnamed");
        assert_eq!(role("envoy", None), "main or unnamed");
        assert_eq!(role("AccessLogFlush", Some((1, 5))), "access_log_flush");
        assert_eq!(role("GrpcGoogClient", Some((1, 5))), "google_grpc");
        assert_eq!(role("grpc_global_tim", Some((1, 5))), "grpc_core");
    }
}
