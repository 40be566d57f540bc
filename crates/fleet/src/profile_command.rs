//! `perf2pprof-fleet pprof`, `flamegraph` and `diff`: tables to what `perf2pprof` makes of recordings.

use std::ffi::OsString;
use std::fs::File;
use std::process::ExitCode;

use clap::Parser;
use perf2pprof::{Failure, check_output, flame_graph, write_output};
use pprof_format::proto;

use crate::args::{DiffArgs, ProfileArgs, TableArgs};
use crate::assemble::assemble;
use crate::filter::Filter;
use crate::select::{Selection, select};
use crate::store::{Store, cannot};

impl TableArgs {
    /// Where the tables are.
    pub(crate) fn store(&self) -> Result<Store, Failure> {
        Store::open(&self.tables, self.endpoint.as_deref())
    }

    /// What a condition selects, and its profile.
    fn profile(&self, filter: &Filter) -> Result<(Selection, proto::Profile), Failure> {
        let store = self.store()?;
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

impl ProfileArgs {
    /// Writes a profile.
    pub(crate) fn pprof(&self) -> Result<(), Failure> {
        self.write(|profile, out| pprof_format::write_message(profile, out))
    }

    /// Draws a flame graph.
    pub(crate) fn flame_graph(&self) -> Result<(), Failure> {
        self.write(|profile, out| flame_graph(profile, &self.tables.tables, out))
    }

    fn write(
        &self,
        write: impl FnOnce(&proto::Profile, &mut dyn std::io::Write) -> std::io::Result<()>,
    ) -> Result<(), Failure> {
        check_output(&self.output)?;
        let (selection, profile) = self.tables.profile(&self.filter)?;
        write_output(&self.output, |out| write(&profile, out))?;
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

impl DiffArgs {
    /// Compares two profiles as `perf2pprof diff` does. Recordings are blocks of time, whose differences tell
    /// what is noise.
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let failed = |error: std::io::Error| cannot("write", &"base.pb.gz", &error);
        let directory = tempfile::tempdir().map_err(failed)?;
        let mut args = vec![OsString::from("perf2pprof"), OsString::from("diff")];
        args.extend(self.options.iter().cloned());
        for (option, name, filter) in
            [("--base", "base.pb.gz", &self.base), ("--head", "head.pb.gz", &self.head)]
        {
            let (_, profile) = self.tables.profile(filter)?;
            let path = directory.path().join(name);
            let mut file = File::create(&path).map_err(failed)?;
            pprof_format::write_message(&profile, &mut file).map_err(failed)?;
            args.extend([OsString::from(option), path.into_os_string()]);
        }
        let args = perf2pprof::Args::try_parse_from(args)
            .map_err(|error| Failure::usage(error.to_string().trim_start_matches("error: ")))?;
        match args.command {
            Some(command) => command.run(),
            None => Ok(ExitCode::SUCCESS),
        }
    }
}
