//! Slices whose mix of groups is unlike what is around them.
//!
//! The mix of a slice is held against that of the five seconds before it and the five after it, in whatever
//! proportion of the two fits it best: then neither a change that lasts nor the moment of one stands out. The distance is
//! the likelihood ratio of the sample counts (G), which is spread as chi-squared is and knows what chance does to a slice
//! of so few samples; Pearson's own sum calls a rare group that was met some times too many far too unlikely. Samples of one
//! slice are more alike than independent ones would be; by how much, the slices themselves tell: the distances of a
//! length are divided by what half of them exceed.
//!
//! Slices of many lengths are tried, and the normal score that a distance comes to has to be beyond what the largest of so
//! many would be by chance, in 99 of 100 recordings.

use statrs::distribution::{ContinuousCDF, Normal};

use crate::{MEANINGFUL, Slices};

/// How much on either side is usual, in nanoseconds.
const AROUND: u64 = 5_000_000_000;

/// What is next to a slice may be part of it and says nothing.
const GUARD: u64 = 500_000_000;

/// The longest slice that is tried.
const LONGEST: u64 = 2_000_000_000;

/// How many slices of the finest length a tried slice has.
const LENGTHS: [usize; 11] = [1, 2, 3, 4, 6, 8, 12, 20, 30, 50, 100];

/// A group is looked at by itself if it is expected so often.
const EXPECTED: f64 = 3.0;

/// How often noise may be called an outlier, in recordings.
const FALSE_ALARMS: f64 = 0.01;

/// Groups beyond so many are one.
const MAX_GROUPS: usize = 64;

/// What stands out.
#[derive(Clone, Debug)]
pub struct Outliers {
    /// Farthest first; all are beyond noise.
    pub found: Vec<Outlier>,
    /// The score that noise alone stays below.
    pub noise: f64,
    /// How many slices were looked at.
    pub tested: usize,
}

/// A slice that is unlike what is around it.
#[derive(Clone, Debug)]
pub struct Outlier {
    /// When it begins, in nanoseconds since the recording's first sample.
    pub from: u64,
    /// When it ends.
    pub to: u64,
    /// How many samples.
    pub count: u64,
    /// How far it is, as the score of a normal distribution.
    pub score: f64,
    /// The groups by how much their share differs: number, share here, share around, most first.
    pub groups: Vec<(u32, f64, f64)>,
}

impl Outliers {
    /// The `most` slices farthest from what is around them, none of which overlap.
    pub fn of(slices: &Slices, most: usize) -> Self {
        let sums = Sums::of(slices);
        let mut tried = Vec::new();
        for length in LENGTHS {
            if length > 1 && length as u64 * slices.length > LONGEST {
                break;
            }
            tried.extend(sums.try_length(length));
        }
        let tested = tried.len();
        let noise = noise_of(tested);
        tried.retain(|slice| slice.score > noise);
        tried.sort_by(|one, other| other.score.total_cmp(&one.score));
        let mut found: Vec<Tried> = Vec::new();
        let around = usize::try_from(GUARD / slices.length.max(1)).unwrap_or(0);
        for slice in tried {
            let is_apart =
                |other: &Tried| slice.to + around <= other.from || other.to + around <= slice.from;
            if found.len() < most && found.iter().all(is_apart) {
                found.push(slice);
            }
        }
        let start = slices.slices.first().map_or(0, |slice| slice.start);
        let time = |number: usize| start + number as u64 * slices.length;
        let outlier = |slice: Tried| Outlier {
            from: time(slice.from),
            to: time(slice.to),
            count: slice.count,
            score: slice.score,
            groups: sums.named(&slice),
        };
        Self { found: found.into_iter().map(outlier).collect(), noise, tested }
    }
}

/// The score that the largest of so many normal ones rarely exceeds.
fn noise_of(tested: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let chance = FALSE_ALARMS / tested.max(1) as f64;
    Normal::standard().inverse_cdf(1.0 - chance)
}

/// A slice, with its score.
#[derive(Clone, Debug)]
struct Tried {
    from: usize,
    to: usize,
    count: u64,
    score: f64,
    here: Vec<f64>,
    usual: Vec<f64>,
}

/// How often each group was met before each slice.
struct Sums {
    /// By slice, and one more: the counts of the groups until then.
    until: Vec<Vec<u32>>,
    /// The groups that have a number of their own here.
    groups: Vec<u32>,
    /// Slices on either side that are usual, and that are passed over.
    around: usize,
    guard: usize,
}

impl Sums {
    fn of(slices: &Slices) -> Self {
        let mut counts: std::collections::BTreeMap<u32, u64> = std::collections::BTreeMap::new();
        for (group, count, _) in slices.slices.iter().flat_map(|slice| &slice.groups) {
            *counts.entry(*group).or_default() += count;
        }
        let mut counts: Vec<(u32, u64)> = counts.into_iter().collect();
        counts.sort_by_key(|(group, count)| (std::cmp::Reverse(*count), *group));
        let groups: Vec<u32> = counts.iter().take(MAX_GROUPS).map(|(group, _)| *group).collect();
        let column: std::collections::HashMap<u32, usize> =
            groups.iter().enumerate().map(|(column, group)| (*group, column)).collect();
        // The last column has what has none of its own.
        let mut sum = vec![0_u32; groups.len() + 1];
        let mut until = vec![sum.clone()];
        for slice in &slices.slices {
            for (group, count, _) in &slice.groups {
                let at = column.get(group).copied().unwrap_or(groups.len());
                sum[at] = sum[at].saturating_add(u32::try_from(*count).unwrap_or(u32::MAX));
            }
            until.push(sum.clone());
        }
        let so_many = |nanos: u64| {
            usize::try_from(nanos.div_ceil(slices.length.max(1))).unwrap_or(usize::MAX)
        };
        Self { until, groups, around: so_many(AROUND), guard: so_many(GUARD) }
    }

    /// The counts of slices, as numbers of a statistic.
    fn between(&self, from: usize, to: usize) -> Vec<f64> {
        let last = self.until.len() - 1;
        let (from, to) = (from.min(last), to.min(last));
        let counts = self.until[to].iter().zip(&self.until[from]);
        counts.map(|(to, from)| f64::from(to - from)).collect()
    }

    fn try_length(&self, length: usize) -> Vec<Tried> {
        let slices = self.until.len() - 1;
        let step = (length / 4).max(1);
        // A slice that is longer than what it is held against is no outlier of that.
        let guard = self.guard.min(slices);
        let around = self.around.max(length.saturating_mul(2)).min(slices);
        let mut tried = Vec::new();
        let mut ratios = Vec::new();
        for from in (0..=slices.saturating_sub(length)).step_by(step) {
            let to = from + length;
            let here = self.between(from, to);
            let total: f64 = here.iter().sum();
            if total < crate::text::float(MEANINGFUL) {
                continue;
            }
            let before =
                self.between(from.saturating_sub(guard + around), from.saturating_sub(guard));
            let after = self.between(to + guard, to + guard + around);
            let Some((distance, freedom, usual)) = nearest(&here, &before, &after, total) else {
                continue;
            };
            ratios.push(distance / median_of_chi_squared(freedom));
            let count = here.iter().sum::<f64>();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
            let count = count as u64;
            tried.push((Tried { from, to, count, score: 0.0, here, usual }, distance, freedom));
        }
        ratios.sort_by(f64::total_cmp);
        let spread = ratios.get(ratios.len() / 2).copied().unwrap_or(1.0).max(1.0);
        let scored = tried.into_iter().map(|(slice, distance, freedom)| Tried {
            score: score(distance / spread, freedom),
            ..slice
        });
        scored.collect()
    }

    /// The groups of a slice, by how much their shares differ from the usual.
    fn named(&self, slice: &Tried) -> Vec<(u32, f64, f64)> {
        let share = |counts: &[f64], at: usize| counts[at] / counts.iter().sum::<f64>().max(1.0);
        let mut groups: Vec<(u32, f64, f64)> = self
            .groups
            .iter()
            .enumerate()
            .map(|(at, group)| (*group, share(&slice.here, at), share(&slice.usual, at)))
            .collect();
        let differs = |(_, here, usual): &(u32, f64, f64)| (here - usual).abs();
        groups.sort_by(|one, other| differs(other).total_cmp(&differs(one)));
        groups.retain(|(_, here, usual)| *here > 0.0 || *usual > 0.0);
        groups
    }
}

/// The least distance to any mix of what was before and after: with its degrees of freedom, and the mix as counts.
fn nearest(
    here: &[f64],
    before: &[f64],
    after: &[f64],
    total: f64,
) -> Option<(f64, f64, Vec<f64>)> {
    let (old, new): (f64, f64) = (before.iter().sum(), after.iter().sum());
    // What is idle has no mix.
    let least = 2.0 * total.min(crate::text::float(MEANINGFUL));
    let parts: Vec<f64> = match (old >= least, new >= least) {
        (true, true) => (0..=10).map(|tenths| f64::from(tenths) / 10.0).collect(),
        (true, false) => vec![0.0],
        (false, true) => vec![1.0],
        (false, false) => return None,
    };
    let size = |part: f64| match part {
        0.0 => old,
        1.0 => new,
        _ => old + new,
    };
    let usual = |part: f64| -> Vec<f64> {
        let share = |counts: &[f64], all: f64, at: usize| {
            if all > 0.0 { counts[at] / all } else { 0.0 }
        };
        let mix = |at| (1.0 - part) * share(before, old, at) + part * share(after, new, at);
        (0..here.len()).map(|at| mix(at) * size(part)).collect()
    };
    parts
        .into_iter()
        .map(|part| {
            let usual = usual(part);
            let (distance, freedom) = likelihood_ratio(here, &usual);
            (distance, freedom, usual)
        })
        .min_by(|one, other| score(one.0, one.1).total_cmp(&score(other.0, other.1)))
}

/// The distance of two lists of counts, and its degrees of freedom.
fn likelihood_ratio(here: &[f64], usual: &[f64]) -> (f64, f64) {
    let (own, all) = (here.iter().sum::<f64>(), usual.iter().sum::<f64>());
    let (mut distance, mut categories) = (0.0, 0.0);
    let mut rest = (0.0, 0.0);
    let part_of = |count: f64, expected: f64| {
        if count > 0.0 { 2.0 * count * (count / expected).ln() } else { 0.0 }
    };
    let mut add = |a: f64, b: f64| {
        let share = (a + b) / (own + all);
        if share > 0.0 {
            distance += part_of(a, own * share) + part_of(b, all * share);
            categories += 1.0;
        }
    };
    for (a, b) in here.iter().zip(usual) {
        if own * (a + b) / (own + all) >= EXPECTED {
            add(*a, *b);
        } else {
            rest = (rest.0 + a, rest.1 + b);
        }
    }
    add(rest.0, rest.1);
    (distance.max(0.0), f64::max(categories - 1.0, 1.0))
}

/// What half of the distances exceed, as Wilson and Hilferty have it.
fn median_of_chi_squared(freedom: f64) -> f64 {
    freedom * (1.0 - 2.0 / (9.0 * freedom)).powi(3)
}

/// The normal score that a distance comes to, likewise.
fn score(distance: f64, freedom: f64) -> f64 {
    let part = 2.0 / (9.0 * freedom);
    ((distance / freedom).cbrt() - (1.0 - part)) / part.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sample;

    const SECOND: u64 = 1_000_000_000;

    /// 1,000 samples a second, of which `mix` says in which part of a thousand each group is.
    fn recording(seconds: u64, seed: u64, mix: impl Fn(u64) -> Vec<u32>) -> Slices {
        let mut random = fastrand::Rng::with_seed(seed);
        let samples: Vec<Sample> = (0..seconds * 1000)
            .map(|number| {
                let time = number * SECOND / 1000;
                let mut at = random.u32(0..1000);
                let mut group = 0;
                for part in mix(time) {
                    if at < part {
                        break;
                    }
                    at -= part;
                    group += 1;
                }
                Sample { time, thread: 0, group, count: 1, weight: 1 }
            })
            .collect();
        Slices::of(&samples, (0, seconds * SECOND), SECOND / 20)
    }

    fn milliseconds(outlier: &Outlier) -> (u64, u64) {
        (outlier.from / 1_000_000, outlier.to / 1_000_000)
    }

    #[test]
    fn noise_has_no_outlier() {
        let alarms = (0..40).filter(|seed| {
            let slices = recording(30, *seed, |_| vec![500, 300, 100, 50, 30]);
            !Outliers::of(&slices, 5).found.is_empty()
        });
        let alarms = alarms.count();
        assert!(alarms <= 2, "{alarms} of 40");
    }

    #[test]
    fn a_spike_is_found_where_it_is() {
        let spike = 17 * SECOND + 200_000_000..17 * SECOND + 500_000_000;
        for seed in 0..10 {
            let slices = recording(30, seed, |time| {
                if spike.contains(&time) {
                    vec![250, 150, 50, 25, 15]
                } else {
                    vec![500, 300, 100, 50, 30]
                }
            });
            let found = Outliers::of(&slices, 5).found;
            assert_eq!(found.len(), 1, "{seed}: {found:?}");
            let (from, to) = milliseconds(&found[0]);
            assert!(
                (17_100..=17_300).contains(&from) && (17_400..=17_600).contains(&to),
                "{from}-{to}"
            );
            let (group, here, usual) = found[0].groups[0];
            assert_eq!(group, 5);
            assert!(here > 0.4 && usual < 0.1, "{here} {usual}");
        }
    }

    #[test]
    fn a_change_that_lasts_is_no_outlier() {
        for seed in 0..10 {
            let slices = recording(30, seed, |time| {
                if time < 14 * SECOND + 123_000_000 { vec![900, 50] } else { vec![100, 800] }
            });
            let found = Outliers::of(&slices, 5).found;
            assert!(found.is_empty(), "{seed}: {found:?}");
        }
    }

    #[test]
    fn nothing_is_an_outlier_of_nothing() {
        let none = Slices::of(&[], (0, 10 * SECOND), SECOND / 20);
        assert!(Outliers::of(&none, 5).found.is_empty());
    }
}
