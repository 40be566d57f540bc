//! Two sides, function by function.

use profile::Id;

use crate::adjust::benjamini_hochberg;
use crate::effect::Effect;
use crate::estimate::{Estimate, Side};
use crate::interval::Interval;
use crate::options::{Measure, Options};
use crate::power::{Detectable, Power};
use crate::tree::Function;
use crate::{Run, Tree, Verdict};

/// How two sides differ.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// What was before.
    pub base: Side,
    /// What is now.
    pub head: Side,
    /// All functions that either side has, the largest change of its total first.
    pub rows: Vec<Row>,
    /// The change of everything together; nothing new where shares are compared.
    pub overall: Change,
    /// How many functions have weight enough to be tested, by themselves and with what they call.
    pub tested: (usize, usize),
    /// The smallest change that would have been seen in a function that is hot.
    pub detectable: Detectable,
    /// What was asked for.
    pub options: Options,
}

/// A function.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Which.
    pub function: Id<Function>,
    /// Where it itself ran.
    pub own: Change,
    /// Where it or what it called ran.
    pub total: Change,
}

/// How a weight changed.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    /// What it was.
    pub base: Estimate,
    /// What it is.
    pub head: Estimate,
    /// Head less base, in the unit of [`Estimate::value`].
    pub difference: f64,
    /// Where the true difference is.
    pub interval: Interval,
    /// How sure it is that there is one, as an adjusted p-value: of the functions up to this value, a
    /// share of it at most is called wrongly. `None` if it was not tested, for want of weight.
    pub p_value: Option<f64>,
    /// What it is called.
    pub call: Call,
    /// The smallest change, as a part of all weight, that would have been called often enough.
    /// `None` if it was not tested.
    pub detectable: Option<f64>,
}

/// What a change is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// No change that matters was seen.
    Same,
    /// It became dearer.
    Regressed,
    /// It became cheaper.
    Improved,
}

impl Call {
    /// Whether it is a change.
    pub fn is_news(self) -> bool {
        self != Self::Same
    }
}

impl Change {
    /// The difference in relation to what it was; `None` if it was nothing.
    pub fn relative(&self) -> Option<f64> {
        (self.base.value > 0.0).then(|| self.difference / self.base.value)
    }
}

impl Comparison {
    /// How often a function whose share changes so is called, if it varies as most do.
    pub fn chance_of(&self, from: f64, to: f64) -> f64 {
        Power::typical(&self.options, self.tested.0, &self.base, &self.head).chance(from, to)
    }

    /// How often a function whose share changes so is called, if it varies as this one does.
    pub fn chance_like(&self, change: &Change, from: f64, to: f64) -> f64 {
        Power::typical(&self.options, self.tested.0, &self.base, &self.head)
            .with_estimates(&change.base, &change.head)
            .chance(from, to)
    }

    /// What it comes to, by the functions alone.
    pub fn verdict(&self) -> Verdict {
        let calls = || self.rows.iter().flat_map(|row| [row.own.call, row.total.call]);
        if calls().any(|call| call == Call::Regressed) {
            Verdict::Regression
        } else if self.detectable.change > self.options.want {
            Verdict::Inconclusive
        } else {
            Verdict::Pass
        }
    }
}

/// Compares two sides.
pub fn compare(tree: &Tree, base: &[Run], head: &[Run], options: &Options) -> Comparison {
    let mut base = Side::of(tree, base, options, false);
    let mut head = Side::of(tree, head, options, true);
    base.learn_from(&head);
    head.learn_from(&base);
    let own = Family::test(options, &base, &head, &base.own, &head.own);
    let total = Family::test(options, &base, &head, &base.total, &head.total);
    let mut rows: Vec<Row> = tree
        .functions
        .iter()
        .zip(own.changes.iter().zip(&total.changes))
        .filter(|(_, (_, total))| total.base.weight > 0.0 || total.head.weight > 0.0)
        .map(|((function, _), (&own, &total))| Row { function, own, total })
        .collect();
    rows.sort_by(|one, other| {
        let size = |row: &Row| row.total.difference.abs();
        size(other).total_cmp(&size(one)).then(one.function.cmp(&other.function))
    });
    let everything = Family::test(options, &base, &head, &[base.all], &[head.all]);
    let mut overall = everything.changes[0];
    if options.measure == Measure::Share {
        // Everything is all of it, and nobody has to estimate that.
        overall.interval = Interval { low: overall.difference, high: overall.difference };
    }
    let detectable = Power::typical(options, own.tested, &base, &head).detectable(Options::TYPICAL);
    Comparison {
        overall,
        rows,
        tested: (own.tested, total.tested),
        detectable,
        options: *options,
        base,
        head,
    }
}

/// Changes that are tested together.
struct Family {
    changes: Vec<Change>,
    tested: usize,
}

impl Family {
    fn test(
        options: &Options,
        base_side: &Side,
        head_side: &Side,
        base: &[Estimate],
        head: &[Estimate],
    ) -> Self {
        let effects: Vec<_> = base
            .iter()
            .zip(head)
            .map(|(base, head)| {
                let effect = Effect::of(options.measure, base, head);
                let (base, head) = alike((base_side, base), (head_side, head));
                effect.judged_by(&Effect::of(options.measure, &base, &head))
            })
            .collect();
        // Were one side nothing, the other would just reach the floor. Pooled, the weight says
        // nothing about the difference.
        let (n, m) = (base_side.effective_samples, head_side.effective_samples);
        let is_tested = |row: usize| {
            let pooled = (base[row].share * n + head[row].share * m) / (n + m);
            pooled >= options.min_change * n.min(m) / (n + m)
        };
        let tested: Vec<usize> = (0..effects.len()).filter(|row| is_tested(*row)).collect();
        let p_values: Vec<f64> = tested.iter().map(|row| effects[*row].p_value()).collect();
        let mut adjusted = vec![None; effects.len()];
        for (row, p_value) in tested.iter().zip(benjamini_hochberg(&p_values)) {
            adjusted[*row] = Some(p_value);
        }
        let floor = floor(options, base_side);
        let power = Power::typical(options, tested.len(), base_side, head_side);
        let changes = effects.iter().enumerate().map(|(row, effect)| {
            let (base, head) = (base[row], head[row]);
            let is_news = effect.difference.abs() >= floor
                && effect.difference.abs() >= options.min_relative * base.value;
            let is_sure = adjusted[row].is_some_and(|p| p <= options.false_discovery_rate / 2.0);
            let call = match is_news && is_sure {
                true if effect.difference > 0.0 => Call::Regressed,
                true => Call::Improved,
                false => Call::Same,
            };
            Change {
                base,
                head,
                difference: effect.difference,
                interval: effect.interval,
                p_value: adjusted[row],
                call,
                detectable: adjusted[row]
                    .map(|_| power.with_estimates(&base, &head).detectable(base.share).change),
            }
        });
        Self { changes: changes.collect(), tested: tested.len() }
    }
}

/// A function's estimates, with the design effect of both sides together.
fn alike(base: (&Side, &Estimate), head: (&Side, &Estimate)) -> (Estimate, Estimate) {
    let samples = |(side, estimate): (&Side, &Estimate)| side.effective_samples * estimate.share;
    let effect =
        |(side, estimate): (&Side, &Estimate)| side.effective_samples / estimate.effective_samples;
    // A side without the function knows no effect of it.
    let knowing = || [base, head].into_iter().filter(|side| samples(*side) > 0.0);
    let all: f64 = knowing().map(samples).sum();
    if all <= 0.0 {
        return (*base.1, *head.1);
    }
    let pooled = knowing().map(|side| samples(side) * effect(side)).sum::<f64>() / all;
    let with = |(side, estimate): (&Side, &Estimate)| Estimate {
        effective_samples: side.effective_samples / pooled,
        ..*estimate
    };
    (with(base), with(head))
}

/// The least difference that is news, in the unit of the values.
fn floor(options: &Options, base: &Side) -> f64 {
    match options.measure {
        Measure::Share => options.min_change,
        Measure::PerSecond | Measure::Per(..) => options.min_change * base.all.value,
    }
}
