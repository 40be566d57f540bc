//! A progress bar, for a person who waits longer than a second.

use std::io::IsTerminal;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// How far a stage of the work is. Can be told from several threads.
pub struct Progress {
    stage: String,
    total: u64,
    done: AtomicU64,
    begun: Instant,
    bar: OnceLock<ProgressBar>,
    is_shown: bool,
}

/// Nobody reads a bar that is gone within this time.
const PATIENCE: Duration = Duration::from_secs(1);

impl Progress {
    /// A stage of `total` steps, shown only if standard error is a terminal.
    pub fn new(stage: impl Into<String>, total: u64, is_quiet: bool) -> Self {
        Self {
            stage: stage.into(),
            total,
            done: AtomicU64::new(0),
            begun: Instant::now(),
            bar: OnceLock::new(),
            is_shown: !is_quiet && std::io::stderr().is_terminal(),
        }
    }

    /// Counts steps.
    pub fn advance(&self, steps: u64) {
        self.show(self.done.fetch_add(steps, Ordering::Relaxed) + steps);
    }

    /// Says how many steps are done in all.
    pub fn reach(&self, done: u64) {
        self.show(self.done.fetch_max(done, Ordering::Relaxed).max(done));
    }

    fn show(&self, done: u64) {
        if self.is_shown && self.begun.elapsed() >= PATIENCE {
            self.bar.get_or_init(|| self.start()).set_position(done.min(self.total));
        }
    }

    fn start(&self) -> ProgressBar {
        let style = ProgressStyle::with_template("{msg} [{bar:40}] {percent}% {eta} left");
        ProgressBar::new(self.total)
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
            .with_message(self.stage.clone())
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}
