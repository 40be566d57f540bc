//! How far the work is, told while it goes on.

use std::sync::atomic::{AtomicUsize, Ordering};

/// How far the work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Places in the code that were looked up.
    pub done: usize,
    /// Places in all: distinct frames, or a little less where frames share a place.
    pub total: usize,
}

/// Adds up what all workers have done.
pub(crate) struct Meter<'a> {
    done: AtomicUsize,
    total: usize,
    report: &'a (dyn Fn(Progress) + Sync),
}

impl<'a> Meter<'a> {
    pub(crate) fn new(total: usize, report: &'a (dyn Fn(Progress) + Sync)) -> Self {
        report(Progress { done: 0, total });
        Self { done: AtomicUsize::new(0), total, report }
    }

    /// Counts so many more places as done.
    pub(crate) fn add(&self, places: usize) {
        let done = self.done.fetch_add(places, Ordering::Relaxed) + places;
        (self.report)(Progress { done, total: self.total });
    }
}
