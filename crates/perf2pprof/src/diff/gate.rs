//! What a comparison means for whoever has to let a change pass or not.

use profile::Id;
use regress::{Call, Change, Comparison, Function, Rename, Row, Tree, Verdict};

use crate::diff::policy::{Budget, Policy, matches};
use crate::diff::{Percent, Points};

/// What it comes to, budgets and allowances considered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// Nothing that matters became dearer, and the data could have shown it.
    Pass,
    /// The data cannot tell.
    Inconclusive,
    /// Something became dearer than is allowed.
    Regression,
}

/// The outcome, and what led to it.
pub(crate) struct Gate {
    pub(crate) outcome: Outcome,
    /// A sentence each, the gravest first.
    pub(crate) reasons: Vec<(Outcome, String)>,
    /// Regressions that are allowed, with the reason.
    pub(crate) allowed: Vec<(Id<Function>, String)>,
}

impl Gate {
    /// Judges a comparison.
    pub(crate) fn of(
        tree: &Tree,
        comparison: &Comparison,
        max_regression: Option<Percent>,
        budgets: &[Budget],
        policy: &Policy,
        renames: &[Rename],
    ) -> Self {
        let mut gate = Self { outcome: Outcome::Pass, reasons: Vec::new(), allowed: Vec::new() };
        gate.judge_functions(tree, comparison, policy, renames);
        for budget in budgets.iter().chain(&policy.budget) {
            gate.judge_budget(tree, comparison, budget);
        }
        if let Some(Percent(most)) = max_regression {
            gate.judge_overall(&comparison.overall, most);
        }
        if comparison.verdict() == Verdict::Inconclusive
            || (comparison.detectable.change > comparison.options.want
                && gate.outcome == Outcome::Pass)
        {
            let Points(want) = Points(comparison.options.want);
            gate.add(Outcome::Inconclusive, format!(
                "a change of a 5 % function below {:.1} pp would not have been seen, and {:.1} pp is wanted",
                comparison.detectable.change * 100.0,
                want * 100.0
            ));
        }
        gate.reasons.sort_by_key(|(outcome, _)| std::cmp::Reverse(*outcome));
        gate.outcome = gate.reasons.first().map_or(Outcome::Pass, |(outcome, _)| *outcome);
        gate
    }

    fn add(&mut self, outcome: Outcome, reason: String) {
        self.reasons.push((outcome, reason));
    }

    /// A function is dearer by itself, or by what it calls. If it is the latter alone, whatever it calls is named
    /// already, unless nothing that it calls stands out.
    fn judge_functions(
        &mut self,
        tree: &Tree,
        comparison: &Comparison,
        policy: &Policy,
        renames: &[Rename],
    ) {
        let regressed = |change: &Change| change.call == Call::Regressed;
        let mut rows: Vec<_> = comparison.rows.iter().filter(|row| regressed(&row.own)).collect();
        if rows.is_empty() {
            rows = comparison.rows.iter().filter(|row| regressed(&row.total)).collect();
        }
        let (mut dearer, mut unsure) = (0, 0);
        for row in &rows {
            let name = &tree.functions[row.function].name;
            match policy.allowance(name) {
                (Some(allowance), _) => {
                    self.allowed.push((row.function, allowance.reason.clone()));
                }
                (None, Some(expired)) => {
                    let reason = &expired.reason;
                    let text = format!(
                        "`{name}` became dearer; it was allowed ({reason}), and that has expired"
                    );
                    self.add(Outcome::Regression, text);
                }
                (None, None) => {
                    dearer += 1;
                    unsure += usize::from(renames.iter().any(|rename| rename.to == row.function));
                }
            }
        }
        if dearer > 0 {
            let functions = if dearer == 1 { "function" } else { "functions" };
            let perhaps = match unsure {
                0 => String::new(),
                _ if dearer == 1 => ", and may have had another name before".to_owned(),
                some => format!(", of which {some} may have had another name before"),
            };
            self.add(Outcome::Regression, format!("{dearer} {functions} became dearer{perhaps}"));
        }
    }

    /// A budget is one question, asked before the data was seen: its intervals need no adjustment.
    fn judge_budget(&mut self, tree: &Tree, comparison: &Comparison, budget: &Budget) {
        let Points(most) = budget.grow;
        let grown = |row: &&Row| row.total.head.share - row.total.base.share;
        let name = |row: &Row| &tree.functions[row.function].name;
        let rows: Vec<_> =
            comparison.rows.iter().filter(|row| matches(&budget.function, name(row))).collect();
        let over = || rows.iter().copied().filter(|row| grown(row) > most);
        let limit = format!("`{}` may grow by {:.2} pp", budget.function, most * 100.0);
        let largest = |rows: &[&Row]| {
            let row = rows.iter().copied().max_by(|one, other| grown(one).total_cmp(&grown(other)));
            let row =
                row.map(|row| format!("`{}` grew by {:.2} pp", name(row), grown(&row) * 100.0));
            let more = rows.len().saturating_sub(1);
            let more = if more > 0 { format!(", and {more} more did") } else { String::new() };
            row.unwrap_or_default() + &more
        };
        let sure: Vec<_> = over().filter(|row| row.total.interval.low > 0.0).collect();
        let unsure: Vec<_> = over().filter(|row| row.total.interval.low <= 0.0).collect();
        if rows.is_empty() {
            let text = format!("no function is called `{}`, which has a budget", budget.function);
            self.add(Outcome::Inconclusive, text);
        } else if !sure.is_empty() {
            self.add(Outcome::Regression, format!("{limit}: {}", largest(&sure)));
        } else if !unsure.is_empty() {
            let text = format!("{limit}: {}, which may be noise", largest(&unsure));
            self.add(Outcome::Inconclusive, text);
        }
    }

    fn judge_overall(&mut self, overall: &Change, most: f64) {
        let relative = overall.relative().unwrap_or(0.0);
        let high =
            if overall.base.value > 0.0 { overall.interval.high / overall.base.value } else { 0.0 };
        let limit = format!("everything may become dearer by {:.1} %", most * 100.0);
        if relative > most && overall.interval.low > 0.0 {
            let text = format!("{limit}, and did by {:.1} %", relative * 100.0);
            self.add(Outcome::Regression, text);
        } else if high > most {
            let text = format!("{limit}; the data allows for up to {:.1} %", high * 100.0);
            self.add(Outcome::Inconclusive, text);
        }
    }
}

impl Outcome {
    /// As the outputs call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Inconclusive => "inconclusive",
            Self::Regression => "regression",
        }
    }
}
