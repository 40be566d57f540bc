//! What all outputs show, and the JSON of it (`docs/diff-json.md`).

use profile::Unit;
use regress::{Call, Change, Comparison, Measure, Rename, Row, Run, Side};
use serde::Serialize;

use crate::diff::gate::Gate;
use crate::diff::groups::Groups;
use crate::diff::numbers::Numbers;
use crate::diff::stacks::Stacks;

/// The version of the JSON: keys are added to it, and none is taken away or changes its meaning.
const SCHEMA: u32 = 1;

/// A comparison, ready to be shown.
#[derive(Serialize)]
pub(crate) struct Report {
    schema: u32,
    pub(crate) verdict: &'static str,
    pub(crate) reasons: Vec<String>,
    pub(crate) event: String,
    pub(crate) unit: &'static str,
    pub(crate) relative_to: &'static str,
    pub(crate) base: SideReport,
    pub(crate) head: SideReport,
    pub(crate) overall: ChangeReport,
    /// The smallest rise of a function with `typical_share` that would have been called.
    pub(crate) detectable_change: f64,
    pub(crate) typical_share: f64,
    pub(crate) wanted_change: f64,
    /// Both sides recorded so many times as long would show the wanted change; null if none would.
    pub(crate) times_longer: Option<f64>,
    pub(crate) functions: Vec<FunctionReport>,
    pub(crate) proposed_renames: Vec<RenameReport>,
    /// Of an Envoy.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) subsystems: Vec<GroupReport>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) filters: Vec<GroupReport>,
    #[serde(skip)]
    pub(crate) numbers: Numbers,
}

/// A side.
#[derive(Serialize)]
pub(crate) struct SideReport {
    pub(crate) files: Vec<String>,
    pub(crate) samples: u64,
    pub(crate) effective_samples: f64,
    pub(crate) design_effect: f64,
    pub(crate) is_design_effect_assumed: bool,
    pub(crate) blocks: usize,
    pub(crate) seconds: Option<f64>,
    pub(crate) weight: f64,
}

/// A function.
#[derive(Serialize)]
pub(crate) struct FunctionReport {
    pub(crate) name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) allowed_because: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) renamed_from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) renamed_because: Option<String>,
    #[serde(rename = "self")]
    pub(crate) own: ChangeReport,
    pub(crate) total: ChangeReport,
}

/// A subsystem or a filter, or what stands in its place.
#[derive(Serialize)]
pub(crate) struct GroupReport {
    pub(crate) name: String,
    #[serde(flatten)]
    pub(crate) change: ChangeReport,
}

/// A function that may have another name now.
#[derive(Serialize)]
pub(crate) struct RenameReport {
    pub(crate) from: String,
    pub(crate) to: String,
    /// How far callers and callees agree.
    pub(crate) likeness: f64,
    /// Whether it would explain a function that is called dearer and one that is called cheaper.
    pub(crate) explains_calls: bool,
    pub(crate) base: f64,
    pub(crate) head: f64,
}

/// A change.
#[derive(Serialize)]
pub(crate) struct ChangeReport {
    pub(crate) call: &'static str,
    base_weight: f64,
    head_weight: f64,
    base: f64,
    head: f64,
    difference: f64,
    interval: [f64; 2],
    relative: Option<f64>,
    adjusted_p_value: Option<f64>,
    detectable_change: Option<f64>,
    #[serde(skip)]
    pub(crate) change: Change,
}

impl Report {
    /// Of a comparison, whose costs are those of one `counted` if they are not shares or per second.
    pub(crate) fn new(
        stacks: &Stacks,
        comparison: &Comparison,
        gate: &Gate,
        renames: &[Rename],
        groups: Groups,
        counted: &'static str,
    ) -> Self {
        let detectable = &comparison.detectable;
        let function = |row: &Row| FunctionReport::new(stacks, row, gate);
        let mut functions: Vec<_> = comparison.rows.iter().map(function).collect();
        functions.sort_by(|one, other| {
            other
                .own
                .change
                .call
                .is_news()
                .cmp(&one.own.change.call.is_news())
                .then(other.own.difference.abs().total_cmp(&one.own.difference.abs()))
        });
        Self {
            schema: SCHEMA,
            verdict: gate.outcome.name(),
            reasons: gate.reasons.iter().map(|(_, reason)| reason.clone()).collect(),
            event: stacks.event.clone(),
            unit: match stacks.unit {
                Unit::Nanoseconds => "nanoseconds",
                Unit::Count => "count",
            },
            relative_to: match comparison.options.measure {
                Measure::Share => "total",
                Measure::PerSecond => "second",
                Measure::Per(..) => counted,
            },
            base: SideReport::new(&stacks.base, &comparison.base),
            head: SideReport::new(&stacks.head, &comparison.head),
            overall: ChangeReport::new(&comparison.overall),
            detectable_change: detectable.change,
            typical_share: detectable.share,
            wanted_change: comparison.options.want,
            times_longer: Some(detectable.times_longer).filter(|times| times.is_finite()),
            functions,
            proposed_renames: renames
                .iter()
                .filter_map(|rename| RenameReport::new(stacks, comparison, rename))
                .collect(),
            subsystems: groups.subsystems.into_iter().map(GroupReport::new).collect(),
            filters: groups.filters.into_iter().map(GroupReport::new).collect(),
            numbers: Numbers { measure: comparison.options.measure, unit: stacks.unit, counted },
        }
    }

    /// The functions that became dearer or cheaper, by themselves or by what they call.
    pub(crate) fn changed(&self) -> impl Iterator<Item = &FunctionReport> {
        self.functions.iter().filter(|function| {
            function.own.change.call.is_news() || function.total.change.call.is_news()
        })
    }

    /// As JSON.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).map(|text| text + "\n").unwrap_or_default()
    }
}

impl GroupReport {
    fn new((name, change): (String, Change)) -> Self {
        Self { name, change: ChangeReport::new(&change) }
    }
}

impl SideReport {
    fn new(runs: &[Run], side: &Side) -> Self {
        Self {
            files: runs.iter().map(|run| run.name.clone()).collect(),
            samples: side.samples,
            effective_samples: side.effective_samples,
            design_effect: side.design_effect,
            is_design_effect_assumed: !side.is_effect_known,
            blocks: side.blocks,
            seconds: Some(side.seconds).filter(|seconds| *seconds > 0.0),
            weight: side.weight,
        }
    }
}

impl FunctionReport {
    fn new(stacks: &Stacks, row: &Row, gate: &Gate) -> Self {
        let function = &stacks.tree.functions[row.function];
        let renamed = stacks.renamed.get(&function.name);
        let allowed = gate.allowed.iter().find(|(allowed, _)| *allowed == row.function);
        Self {
            name: function.name.clone(),
            file: function.file.clone(),
            allowed_because: allowed.map(|(_, reason)| reason.clone()),
            renamed_from: renamed.map(|renamed| renamed.from.clone()),
            renamed_because: renamed.map(|renamed| renamed.reason.clone()),
            own: ChangeReport::new(&row.own),
            total: ChangeReport::new(&row.total),
        }
    }
}

impl RenameReport {
    fn new(stacks: &Stacks, comparison: &Comparison, rename: &Rename) -> Option<Self> {
        let row = |function| comparison.rows.iter().find(|row| row.function == function);
        let name = |function| stacks.tree.functions[function].name.clone();
        let (from, to) = (row(rename.from)?, row(rename.to)?);
        let is = |row: &Row, call: Call| row.own.call == call || row.total.call == call;
        Some(Self {
            from: name(rename.from),
            to: name(rename.to),
            likeness: rename.likeness,
            explains_calls: is(from, Call::Improved) && is(to, Call::Regressed),
            base: from.total.base.value,
            head: to.total.head.value,
        })
    }
}

impl FunctionReport {
    /// What the policy says of it.
    pub(crate) fn notes(&self) -> impl Iterator<Item = String> {
        let allowed = self.allowed_because.as_ref().map(|reason| format!("allowed: {reason}"));
        let renamed = self.renamed_from.as_ref().zip(self.renamed_because.as_ref());
        let renamed = renamed.map(|(from, reason)| format!("was `{from}`: {reason}"));
        allowed.into_iter().chain(renamed)
    }
}

impl ChangeReport {
    fn new(change: &Change) -> Self {
        Self {
            call: match change.call {
                Call::Same => "same",
                Call::Regressed => "regressed",
                Call::Improved => "improved",
            },
            base_weight: change.base.weight,
            head_weight: change.head.weight,
            base: change.base.value,
            head: change.head.value,
            difference: change.difference,
            interval: [change.interval.low, change.interval.high],
            relative: change.relative(),
            adjusted_p_value: change.p_value,
            detectable_change: change.detectable,
            change: *change,
        }
    }
}
