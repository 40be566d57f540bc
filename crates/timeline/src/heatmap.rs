//! What a heat map shows: which cells, of which threads, in which colours.

use crate::cells::CellSize;
use crate::slices::{Slice, Slices};
use crate::{MEANINGFUL, Sample};

/// All that a heat map is made of.
#[derive(Clone, Debug)]
pub struct Heatmap<'a> {
    pub(crate) title: &'a str,
    pub(crate) palette: &'a Palette,
    pub(crate) is_time: bool,
    pub(crate) columns: Slices,
    pub(crate) all: Panel,
    pub(crate) own: Vec<(String, Panel)>,
}

/// A thread that has a panel of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// Its number in the samples.
    pub number: u32,
    /// What stands above its panel.
    pub name: String,
}

/// What groups are called, and their colours.
#[derive(Clone, Debug, Default)]
pub struct Palette {
    /// By group: its name.
    pub names: Vec<String>,
    /// By group: the number of its colour.
    pub colors: Vec<usize>,
    /// The colours, with what each stands for.
    pub legend: Vec<(String, (u8, u8, u8))>,
}

impl Palette {
    pub(crate) fn name(&self, group: u32) -> &str {
        self.names.get(group as usize).map_or("", String::as_str)
    }

    pub(crate) fn color(&self, group: u32) -> usize {
        self.colors.get(group as usize).copied().unwrap_or(0)
    }
}

/// A part of the time that is pointed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marked {
    /// Nanoseconds since the recording's first sample.
    pub from: u64,
    /// When it ends.
    pub to: u64,
    /// What is written at it: a letter or two.
    pub label: String,
}

/// The cells of some threads.
#[derive(Clone, Debug)]
pub(crate) struct Panel {
    pub(crate) size: CellSize,
    pub(crate) cells: Slices,
}

impl Panel {
    fn of(samples: &[Sample], thread: Option<u32>, times: (u64, u64), size: CellSize) -> Self {
        let is_own = |sample: &&Sample| thread.is_none_or(|thread| thread == sample.thread);
        Self { size, cells: Slices::of(samples.iter().filter(is_own), times, size.cell) }
    }

    /// The weight of the heaviest cell whose colour means anything.
    pub(crate) fn heaviest(&self) -> u64 {
        self.cells
            .slices
            .iter()
            .filter(|cell| is_meaningful(cell))
            .map(|cell| cell.weight)
            .max()
            .unwrap_or(0)
    }
}

/// Whether a cell has samples enough.
pub(crate) fn is_meaningful(cell: &Slice) -> bool {
    cell.count >= MEANINGFUL
}

impl<'a> Heatmap<'a> {
    /// Puts samples into cells. `times` are those from which and until which there may be samples; the busiest of
    /// `threads` stands first.
    pub fn new(
        title: &'a str,
        samples: &[Sample],
        threads: &[Thread],
        palette: &'a Palette,
        is_time: bool,
        (start, end): (u64, u64),
    ) -> Self {
        let numbers: Vec<u32> = threads.iter().map(|thread| thread.number).collect();
        let (all, own) = CellSize::choose(samples, &numbers, (start, end));
        // Columns begin at whole seconds of the recording, wherever the samples begin.
        let start = start - start % all.column;
        let columns = end.saturating_sub(start).div_ceil(all.column).max(1);
        let times = (start, start.saturating_add(columns.saturating_mul(all.column)));
        let panel = |(thread, size): (&Thread, CellSize)| {
            (thread.name.clone(), Panel::of(samples, Some(thread.number), times, size))
        };
        Self {
            title,
            palette,
            is_time,
            columns: Slices::of(samples, times, all.column),
            all: Panel::of(samples, None, times, all),
            own: threads.iter().zip(own).map(panel).collect(),
        }
    }

    /// The cells of all threads together.
    pub fn slices(&self) -> &Slices {
        &self.all.cells
    }

    /// How long these are.
    pub fn cell_size(&self) -> CellSize {
        self.all.size
    }
}
