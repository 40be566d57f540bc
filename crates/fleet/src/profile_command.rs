//! `perf2pprof-fleet pprof`: tables to a profile.

use perf2pprof::{Failure, check_output, write_output};
use pprof_format::proto;

use crate::args::{PprofArgs, TableArgs};
use crate::assemble::assemble;
use crate::filter::Filter;
use crate::select::{Selection, select};
use crate::store::Store;

impl TableArgs {
    /// What a condition selects, and its profile.
    pub(crate) fn profile(&self, filter: &Filter) -> Result<(Selection, proto::Profile), Failure> {
        let store = Store::open(&self.tables, self.endpoint.as_deref())?;
        let selection = select(&store, filter)?;
        if selection.samples.is_empty() {
            let failure = Failure::new(format!("no sample of `{}` is meant", self.tables));
            return Err(failure.hint(
                "every part of the condition has to hold; begin with one, such as \"event IS NOT NULL\"",
            ));
        }
        let profile = assemble(&store, &selection)?;
        Ok((selection, profile))
    }
}

impl PprofArgs {
    /// Does it.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        check_output(&self.output)?;
        let (selection, profile) = self.tables.profile(&self.filter)?;
        write_output(&self.output, |out| pprof_format::write_message(&profile, out))?;
        if !self.quiet {
            eprintln!(
                "{} recordings, {} distinct stacks, {} locations, {} functions",
                selection.recordings.len(),
                profile.sample.len(),
                profile.location.len(),
                profile.function.len()
            );
        }
        Ok(())
    }
}
