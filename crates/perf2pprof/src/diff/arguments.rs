//! What is wrong with the arguments, and how they are repeated to the user.

use std::path::Path;

use crate::diff::{DiffArgs, RelativeTo};
use crate::message::Failure;
use crate::output;

impl DiffArgs {
    /// What makes no sense whatever is in the files.
    pub(crate) fn check_arguments(&self, base: &[&Path], head: &[&Path]) -> Result<(), Failure> {
        let sides = [(base, "before", "--base"), (head, "now", "--head")];
        if let Some((_, what, flag)) = sides.iter().find(|(side, ..)| side.is_empty()) {
            return Err(Failure::usage(format!("nothing is given for what is {what}"))
                .hint(format!("`perf2pprof diff BASE... -- HEAD...`, or `{flag} FILE`")));
        }
        if let Some(option) = head.iter().find(|path| path.to_string_lossy().starts_with("--")) {
            return Err(Failure::usage(format!(
                "`{}` stands behind `--`, among the files",
                option.display()
            ))
            .hint("options go before the files: `perf2pprof diff OPTIONS BASE... -- HEAD...`"));
        }
        let is_share = self.relative_to == RelativeTo::Total && !self.per.is_given();
        if self.max_regression.is_some() && is_share {
            return Err(Failure::usage("all shares together are always 100 %, before and now")
                .hint("`--relative-to second` lets `--max-regression` compare the cost, and `--base-stats` with `--head-stats` that of a request"));
        }
        let outputs = [&self.output, &self.markdown, &self.json, &self.junit, &self.flamegraph];
        let inputs: Vec<_> = base.iter().chain(head).copied().collect();
        output::named_apart(outputs.into_iter().flatten(), &inputs)?;
        let inputs = base.iter().chain(head).filter(|path| **path == Path::new("-"));
        if inputs.count() > 1 {
            return Err(Failure::usage("only one input can come from standard input"));
        }
        Ok(())
    }
}

/// What the user typed, in the form that takes more options at its end.
pub(crate) fn command_of(base: &[&Path], head: &[&Path]) -> String {
    let side = |flag: &str, paths: &[&Path]| {
        let words: Vec<_> =
            paths.iter().map(|path| format!(" {flag} {}", path.display())).collect();
        words.concat()
    };
    format!("perf2pprof diff{}{}", side("--base", base), side("--head", head))
}
