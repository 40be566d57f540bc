//! What a pprof file counts, of which a comparison looks at one column.

use pprof_format::proto;

use crate::import::Imported;

/// A name and a unit.
type Kind = (String, String);

/// All columns of a pprof file.
pub(crate) struct Columns {
    pub(crate) kinds: Vec<Kind>,
    pub(crate) period: Option<Kind>,
    /// The column that is shown first, if the file says so.
    pub(crate) default: Option<usize>,
    /// By row of the profile's samples, one after the other.
    values: Vec<i64>,
}

impl Columns {
    /// Of a file, which has been read.
    pub(crate) fn of(old: &proto::Profile, imported: &Imported) -> Self {
        let text = |index| old.text(index).unwrap_or_default().to_owned();
        let kind = |kind: &proto::ValueType| (text(kind.r#type), text(kind.unit));
        let width = old.sample_type.len();
        let mut values = vec![0_i64; width * imported.profile.samples.len()];
        for (sample, row) in old.sample.iter().zip(&imported.rows) {
            let sums = values.get_mut(width * row..).unwrap_or_default();
            for (sum, value) in sums.iter_mut().take(width).zip(&sample.value) {
                *sum = sum.saturating_add(*value);
            }
        }
        let is_default =
            |kind: &proto::ValueType| kind.r#type == old.default_sample_type && kind.r#type != 0;
        Self {
            kinds: old.sample_type.iter().map(kind).collect(),
            period: old.period_type.as_ref().map(kind),
            default: old.sample_type.iter().position(is_default),
            values,
        }
    }

    /// The values of a row.
    pub(crate) fn row(&self, row: usize) -> &[i64] {
        let width = self.kinds.len();
        self.values.get(width * row..width * (row + 1)).unwrap_or_default()
    }

    /// Whether another file can be added to it.
    pub(crate) fn has_kinds_of(&self, other: &Self) -> bool {
        self.kinds == other.kinds && self.period == other.period
    }
}
