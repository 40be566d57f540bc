//! What is known about each function of one side, and how well.

use crate::interval::quantile;
use crate::number::{float, len};
use crate::options::{Measure, Options};
use crate::sums::FunctionSums;
use crate::{Run, Tree};

/// An estimated design effect is worth so many blocks more: it is drawn towards the mean of its
/// side as if that had been seen in these.
const PRIOR_BLOCKS: f64 = 8.0;

/// Functions whose share would vary by chance alone as that of this many samples does, or more,
/// tell what the mean design effect is.
pub(crate) const TELLING_SAMPLES: f64 = 10.0;

/// Fewer clusters tell nothing about how clusters differ.
const MIN_BLOCKS: usize = 4;

/// The design effect of a side of which nothing tells it: one run without time.
const UNKNOWN_EFFECT: f64 = 2.0;

/// One side of a comparison.
#[derive(Clone, Debug)]
pub struct Side {
    /// All weight.
    pub weight: f64,
    /// All samples.
    pub samples: u64,
    /// How many samples of equal weight would tell as much, were they independent.
    pub effective_samples: f64,
    /// How long it was recorded, in seconds; 0 if not known.
    pub seconds: f64,
    /// What weights are divided by.
    pub(crate) denominator: f64,
    /// How many runs.
    pub runs: usize,
    /// How many time blocks, of all runs.
    pub blocks: usize,
    /// The mean design effect: how much more shares vary than those of independent samples.
    pub design_effect: f64,
    /// Whether the design effect was seen, or is assumed for want of blocks and runs.
    pub is_effect_known: bool,
    /// How much more shares vary from run to run than from block to block: own weights, total
    /// weights, everything. `None` with a single run.
    between_runs: Option<[f64; 3]>,
    /// By function.
    pub(crate) own: Vec<Estimate>,
    pub(crate) total: Vec<Estimate>,
    /// Of everything.
    pub(crate) all: Estimate,
}

/// A function's weight, and how sure it is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    /// The sum of its samples' weights.
    pub weight: f64,
    /// Its part of all weight.
    pub share: f64,
    /// Its weight in relation to what was asked for; the share itself, if that was.
    pub value: f64,
    /// So many independent samples of the side would know it as well.
    pub effective_samples: f64,
    /// The degrees of freedom of its variance.
    pub degrees: f64,
    /// So many standard errors to either side hold the true value as often as was asked for.
    pub(crate) reach: f64,
}

/// A cluster: what lies in one block, or one run.
struct Cluster<'a> {
    sums: &'a FunctionSums,
    denominator: f64,
}

impl Side {
    /// Sums up the runs of a side.
    pub fn of(tree: &Tree, runs: &[Run], options: &Options, is_head: bool) -> Self {
        let measure = options.measure;
        let sums: Vec<Vec<FunctionSums>> =
            runs.iter().map(|run| FunctionSums::of(tree, run)).collect();
        let weight: f64 = runs.iter().map(Run::weight).sum();
        let squares: f64 = runs.iter().map(Run::sum_of_squares).sum();
        let seconds: f64 = runs.iter().map(Run::seconds).sum();
        let effective_samples = if squares > 0.0 { weight * weight / squares } else { 0.0 };
        let per = per_second(measure, is_head, weight, seconds);
        let denominator_of = |all: f64, seconds: f64| match measure {
            Measure::Share => all,
            Measure::PerSecond | Measure::Per(..) => seconds * per,
        };
        let by_run: Vec<FunctionSums> = sums.iter().map(|blocks| added(blocks)).collect();
        let blocks: Vec<Cluster<'_>> = runs
            .iter()
            .zip(&sums)
            .flat_map(|(run, sums)| run.blocks.iter().zip(sums))
            .filter(|(block, sums)| sums.all > 0.0 || block.seconds > 0.0)
            .map(|(block, sums)| Cluster {
                sums,
                denominator: denominator_of(sums.all, block.seconds),
            })
            .collect();
        let whole_runs: Vec<Cluster<'_>> = runs
            .iter()
            .zip(&by_run)
            .map(|(run, sums)| Cluster {
                sums,
                denominator: denominator_of(sums.all, run.seconds()),
            })
            .collect();
        let mut side = Self {
            weight,
            samples: runs.iter().map(Run::samples).sum(),
            effective_samples,
            seconds,
            denominator: denominator_of(weight, seconds),
            runs: runs.len(),
            blocks: blocks.len(),
            design_effect: 1.0,
            is_effect_known: false,
            between_runs: None,
            own: Vec::new(),
            total: Vec::new(),
            all: Estimate::default(),
        };
        let everything = added(&by_run);
        let variance = Variance { side: &side, options, blocks: &blocks, runs: &whole_runs };
        let own = variance.estimates(&everything.own, |sums, row| sums.own[row]);
        let total = variance.estimates(&everything.total, |sums, row| sums.total[row]);
        let all = variance.estimates(&[everything.all], |sums, _| sums.all);
        side.design_effect = total.mean_effect;
        side.is_effect_known = total.is_known;
        side.between_runs = match [&own, &total, &all].map(|family| family.between_runs) {
            [Some(own), Some(total), Some(all)] => Some([own, total, all]),
            _ => None,
        };
        side.all = all.rows.first().copied().unwrap_or_default();
        (side.own, side.total) = (own.rows, total.rows);
        side
    }

    /// A single run does not tell how much runs differ. If the other side has several, they do: as much as
    /// those differ beyond chance, this one is taken to differ from what others of its kind would be. That
    /// grows with the length of a run, in which chance has less part.
    pub(crate) fn learn_from(&mut self, other: &Self) {
        let Some(between_runs) = other.between_runs.filter(|_| self.between_runs.is_none()) else {
            return;
        };
        let length = self.effective_samples / (other.effective_samples / len(other.runs));
        let degrees = len(other.runs) - 1.0 + PRIOR_BLOCKS;
        let [own, total, all] = between_runs.map(|beyond| beyond * length);
        let widen = |estimates: &mut [Estimate], beyond: f64, effective_samples: f64| {
            for estimate in estimates {
                let effect = effective_samples / estimate.effective_samples;
                estimate.effective_samples = effective_samples / (effect + beyond);
                estimate.degrees = estimate.degrees.min(degrees);
            }
        };
        widen(&mut self.own, own, self.effective_samples);
        widen(&mut self.total, total, self.effective_samples);
        widen(std::slice::from_mut(&mut self.all), all, self.effective_samples);
        self.design_effect += total;
    }
}

/// By what a second is multiplied to become the denominator.
fn per_second(measure: Measure, is_head: bool, weight: f64, seconds: f64) -> f64 {
    match measure {
        Measure::Share if seconds > 0.0 => weight / seconds,
        Measure::Per(_, count) if is_head && seconds > 0.0 => count / seconds,
        Measure::Per(count, _) if seconds > 0.0 => count / seconds,
        Measure::Share | Measure::PerSecond | Measure::Per(..) => 1.0,
    }
}

fn added(parts: &[FunctionSums]) -> FunctionSums {
    let mut parts = parts.iter();
    let mut sum = parts.next().cloned().unwrap_or_default();
    for part in parts {
        let add = |to: &mut [f64], from: &[f64]| {
            to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        };
        add(&mut sum.own, &part.own);
        add(&mut sum.total, &part.total);
        sum.all += part.all;
    }
    sum
}

/// Estimates of all functions, and what they have in common.
struct Estimates {
    rows: Vec<Estimate>,
    mean_effect: f64,
    is_known: bool,
    /// The mean effect between runs less that between blocks.
    between_runs: Option<f64>,
}

struct Variance<'a> {
    side: &'a Side,
    options: &'a Options,
    blocks: &'a [Cluster<'a>],
    runs: &'a [Cluster<'a>],
}

/// The design effects seen in clusters of one kind.
struct Effects {
    by_row: Vec<Option<f64>>,
    mean: f64,
    /// Clusters less one.
    degrees: f64,
    reach: f64,
}

impl Variance<'_> {
    fn estimates(
        &self,
        weights: &[f64],
        of: impl Fn(&FunctionSums, usize) -> f64 + Copy,
    ) -> Estimates {
        let kinds = [
            (self.blocks.len() >= MIN_BLOCKS).then(|| self.effects(self.blocks, weights, of)),
            (self.runs.len() >= 2).then(|| self.effects(self.runs, weights, of)),
        ];
        let kinds: Vec<Effects> = kinds.into_iter().flatten().collect();
        let confidence = self.options.confidence;
        let unknown = (UNKNOWN_EFFECT, PRIOR_BLOCKS, quantile(confidence, PRIOR_BLOCKS));
        let rows = weights.iter().enumerate().map(|(row, &weight)| {
            let drawn = |kind: &Effects| {
                let seen = kind.by_row[row].unwrap_or(kind.mean);
                let degrees = kind.degrees + PRIOR_BLOCKS;
                let effect = (seen * kind.degrees + kind.mean * PRIOR_BLOCKS) / degrees;
                (effect, degrees, kind.reach)
            };
            let (effect, degrees, reach) = kinds
                .iter()
                .map(drawn)
                .max_by(|one, other| one.0.total_cmp(&other.0))
                .unwrap_or(unknown);
            Estimate {
                weight,
                share: if self.side.weight > 0.0 { weight / self.side.weight } else { 0.0 },
                value: if self.side.denominator > 0.0 {
                    weight / self.side.denominator
                } else {
                    0.0
                },
                effective_samples: self.side.effective_samples / effect.max(f64::MIN_POSITIVE),
                degrees,
                reach,
            }
        });
        let rows = rows.collect();
        let mean = kinds.iter().map(|kind| kind.mean).max_by(f64::total_cmp);
        let has_runs = self.runs.len() >= 2;
        let between_runs = match &kinds[..] {
            [blocks, runs] => Some((runs.mean - blocks.mean).max(0.0)),
            [runs] if has_runs => Some(runs.mean - 1.0),
            _ => None,
        };
        Estimates {
            rows,
            mean_effect: mean.unwrap_or(UNKNOWN_EFFECT),
            is_known: !kinds.is_empty(),
            between_runs,
        }
    }

    /// How much more each function varies from cluster to cluster than chance alone would have it.
    fn effects(
        &self,
        clusters: &[Cluster<'_>],
        weights: &[f64],
        of: impl Fn(&FunctionSums, usize) -> f64,
    ) -> Effects {
        let degrees = len(clusters.len()) - 1.0;
        let mut telling = (0.0, 0_u64);
        let by_row = weights.iter().enumerate().map(|(row, &weight)| {
            let by_chance = self.relative_variance_by_chance(weight)?;
            let value = weight / self.side.denominator;
            let squares: f64 = clusters
                .iter()
                .map(|cluster| (of(cluster.sums, row) - value * cluster.denominator).powi(2))
                .sum();
            let variance = (degrees + 1.0) / degrees * squares / (weight * weight);
            let effect = variance / by_chance;
            if by_chance * TELLING_SAMPLES <= 1.0 {
                telling = (telling.0 + effect, telling.1 + 1);
            }
            Some(effect)
        });
        let by_row = by_row.collect();
        let mean = if telling.1 == 0 { 1.0 } else { telling.0 / float(telling.1) };
        let reach = quantile(self.options.confidence, degrees + PRIOR_BLOCKS);
        Effects { by_row, mean: mean.max(1.0), degrees, reach }
    }

    /// The variance that independent samples would give, in relation to the square of the value.
    /// `None` where there is nothing to vary.
    fn relative_variance_by_chance(&self, weight: f64) -> Option<f64> {
        let share = weight / self.side.weight;
        let samples = share * self.side.effective_samples;
        let rest = if self.options.measure == Measure::Share { 1.0 - share } else { 1.0 };
        (samples > 0.0 && rest > 1e-9).then(|| rest / samples)
    }
}
