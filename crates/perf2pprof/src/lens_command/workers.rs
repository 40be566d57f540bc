//! Threads, what they are for, and whether the workers are equally busy.

use std::collections::BTreeMap;

use envoy_stats::connections_of_workers;
use lens::{Lens, Role, Thread};
use profile::{Profile, Unit};
use serde::Serialize;

use crate::diff::per::{Pair, snapshot};
use crate::hints;
use crate::message::Failure;
use crate::shares::share;
use crate::threads::{self, ThreadSummary};

/// A thread.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ThreadRow {
    pub(crate) pid: Option<i64>,
    pub(crate) tid: Option<i64>,
    pub(crate) name: String,
    pub(crate) role: String,
    pub(crate) samples: u64,
    pub(crate) weight: u64,
    /// What it ran, if the event counts time.
    pub(crate) cpu_seconds: Option<f64>,
    /// Share of the weight of all threads.
    pub(crate) share: f64,
}

/// The workers together.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Workers {
    pub(crate) count: usize,
    pub(crate) samples: u64,
    /// As many samples of equal weight would tell as much.
    pub(crate) even_samples: f64,
    /// The busiest.
    pub(crate) busiest: String,
    /// By how much the busiest has more than the mean, as a part of that.
    pub(crate) imbalance: f64,
    /// What chance alone may make of that: `2 x sqrt(workers / even samples)`.
    pub(crate) noise_floor: f64,
    /// Whether the imbalance is beyond it.
    pub(crate) is_imbalanced: bool,
    /// The worker's rows, by their names.
    pub(crate) rows: Vec<WorkerRow>,
}

/// A worker.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct WorkerRow {
    pub(crate) name: String,
    pub(crate) tid: Option<i64>,
    pub(crate) samples: u64,
    pub(crate) cpu_seconds: Option<f64>,
    /// Share of the weight of all workers.
    pub(crate) share: f64,
    /// Connections that it took between the snapshots.
    pub(crate) connections: Option<u64>,
}

/// The threads of an event's samples, heaviest first. One that was renamed is one.
pub(crate) fn threads(lens: &Lens, profile: &Profile, event: u32) -> Vec<ThreadRow> {
    let is_time = profile.events.get(event as usize).is_some_and(|e| e.unit == Unit::Nanoseconds);
    let mut rows: Vec<ThreadRow> = Vec::new();
    for thread in threads::of(profile, event) {
        let ThreadSummary { pid, tid, process, thread, samples, weight, share } = thread;
        let name = if thread.is_empty() { process } else { thread };
        let ids = pid.zip(tid);
        let is_same = |row: &&mut ThreadRow| ids.is_some() && row.pid.zip(row.tid) == ids;
        if let Some(known) = rows.iter_mut().find(is_same) {
            known.samples += samples;
            known.weight = known.weight.saturating_add(weight);
            known.share += share;
            continue;
        }
        let role = lens.role(&Thread { name: &name, ids }).text().to_owned();
        rows.push(ThreadRow { pid, tid, name, role, samples, weight, cpu_seconds: None, share });
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.weight));
    for row in &mut rows {
        row.cpu_seconds = is_time.then(|| seconds(row.weight));
    }
    rows
}

#[expect(clippy::cast_precision_loss, reason = "for people, who read three digits")]
fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

impl Workers {
    /// The workers of the process that has most of their weight; `None` if there are less than two.
    pub(crate) fn of(
        lens: &Lens,
        profile: &Profile,
        event: u32,
        threads: &[ThreadRow],
        connections: Option<&BTreeMap<u32, u64>>,
    ) -> Option<Self> {
        let is_worker = |row: &&ThreadRow| row.role == Role::Named("worker").text();
        let pid = threads.iter().find(is_worker)?.pid;
        let mut of_process: Vec<&ThreadRow> =
            threads.iter().filter(|row| is_worker(row) && row.pid == pid).collect();
        let count = of_process.len();
        let busiest = of_process.first()?.name.clone();
        let weights = || of_process.iter().map(|row| u128::from(row.weight));
        let (total, most) = (weights().sum::<u128>(), weights().max()?);
        if count < 2 || total == 0 {
            return None;
        }
        let samples = of_process.iter().map(|row| row.samples).sum();
        let even_samples = even_samples(lens, profile, event, pid, total);
        #[expect(clippy::cast_precision_loss, reason = "a few workers")]
        let workers = count as f64;
        let imbalance = share(most, total) * workers - 1.0;
        let noise_floor = 2.0 * (workers / even_samples.max(1.0)).sqrt();
        of_process.sort_by_key(|row| (number(&row.name), row.name.clone()));
        let row = |row: &&ThreadRow| WorkerRow {
            name: row.name.clone(),
            tid: row.tid,
            samples: row.samples,
            cpu_seconds: row.cpu_seconds,
            share: share(row.weight.into(), total),
            connections: connections.as_ref().map(|counted| {
                number(&row.name).and_then(|n| counted.get(&n)).copied().unwrap_or(0)
            }),
        };
        let rows = of_process.iter().map(row).collect();
        let is_imbalanced = imbalance > noise_floor;
        let all = Self {
            count,
            samples,
            even_samples,
            busiest,
            imbalance,
            noise_floor,
            is_imbalanced,
            rows,
        };
        Some(all)
    }
}

/// The number of a worker: 12 of `wrk:worker_12`.
fn number(name: &str) -> Option<u32> {
    name.rsplit('_').next()?.parse().ok()
}

/// How many samples of equal weight tell as much as those of the workers: the square of the sum by the sum of
/// squares, where samples of one row, whose weights were added up, are taken to be equal.
#[expect(clippy::cast_precision_loss, reason = "a measure of noise")]
fn even_samples(lens: &Lens, profile: &Profile, event: u32, pid: Option<i64>, total: u128) -> f64 {
    let is_worker: Vec<bool> = profile
        .labels
        .iter()
        .map(|(_, labels)| {
            let thread = threads::key(profile, labels);
            let role = lens.role(&Thread { name: &thread.thread, ids: None });
            thread.pid == pid && role == Role::Named("worker")
        })
        .collect();
    let rows = profile.samples.iter().filter(|(key, _)| key.event == event);
    let of_workers = rows.filter(|(key, _)| is_worker[key.labels.index()]);
    let squares: f64 = of_workers
        .map(|(_, value)| (value.weight as f64).powi(2) / value.count.max(1) as f64)
        .sum();
    if squares > 0.0 { (total as f64).powi(2) / squares } else { 0.0 }
}

/// How many connections each worker took between two snapshots.
pub(crate) fn connections(pair: &Pair) -> Result<BTreeMap<u32, u64>, Failure> {
    let Pair { before, after } = pair;
    let (old, new) = (snapshot(before)?, snapshot(after)?);
    connections_of_workers(&old, &new).map_err(|refusal| hints::no_count(before, after, &refusal))
}
