//! What the program is to do: the arguments, made complete and free of contradictions.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use binaries::Sources;
use flamegraph::MinWidth;
use session::{LabelKey, Selection};

use crate::args::{ConvertArgs, SummaryFormat, threads_or_all};
use crate::lens_labels::LensLabels;
use crate::output::{Target, check_apart};
use crate::symbol_args::SymbolArgs;

/// A conversion.
#[derive(Clone, Debug)]
pub struct Job {
    /// The recordings; `-` for standard input.
    pub(crate) recordings: Vec<PathBuf>,
    /// The pprof profile.
    pub(crate) pprof: Option<Target>,
    /// The flame graph.
    pub(crate) svg: Option<Target>,
    /// How narrow its boxes may be.
    pub(crate) min_width: MinWidth,
    /// The folded stacks.
    pub(crate) folded: Option<Target>,
    /// How samples are read.
    pub(crate) session: session::Options,
    /// Whether events keep the names that they have in the recording.
    pub(crate) has_raw_event_names: bool,
    /// Where the recorded binaries may be.
    pub(crate) sources: Sources,
    /// How frames are named; `None` to leave them unnamed.
    pub(crate) symbolize: Option<symbolize::Options>,
    /// Whether samples say where in Envoy they are.
    pub(crate) lens: LensLabels,
    /// How the summary is printed; `None` to print none.
    pub(crate) summary: Option<SummaryFormat>,
    /// Whether each sample is kept with its time.
    pub(crate) keeps_samples: bool,
    /// Whether a warning ends the program.
    pub(crate) is_strict: bool,
}

impl Job {
    /// Makes the arguments complete; the error is one of usage.
    pub fn new(args: ConvertArgs) -> Result<Self, String> {
        let threads = threads_or_all(args.threads);
        let mut job = Self {
            pprof: args.output.as_deref().map(Target::new),
            svg: args.flamegraph.as_deref().map(Target::new),
            min_width: args.min_width,
            folded: args.folded.as_deref().map(Target::new),
            session: session::Options {
                labels: args.labels.0,
                selection: args.select.into(),
                threads,
            },
            has_raw_event_names: args.raw_event_names,
            symbolize: (!args.no_symbols).then(|| args.symbols.options(threads)),
            sources: args.symbols.sources(),
            lens: args.lens,
            summary: (!args.quiet).then_some(args.summary),
            keeps_samples: false,
            is_strict: args.strict,
            recordings: args.recordings,
        };
        if job.outputs().next().is_none() {
            let stem = output_stem(job.first_recording());
            job.pprof = Some(Target::File(stem.with_added_extension("pb.gz")));
            job.svg = Some(Target::File(stem.with_added_extension("svg")));
        }
        job.check()?;
        Ok(job)
    }

    /// Reads a recording and looks its names up, and writes nothing.
    pub(crate) fn to_read(
        recording: &Path,
        labels: Vec<LabelKey>,
        symbols: &SymbolArgs,
        threads: NonZeroUsize,
    ) -> Self {
        Self {
            recordings: vec![recording.to_owned()],
            pprof: None,
            svg: None,
            min_width: MinWidth::default(),
            folded: None,
            session: session::Options { labels, selection: Selection::default(), threads },
            has_raw_event_names: false,
            sources: symbols.sources(),
            symbolize: Some(symbols.options(threads)),
            lens: LensLabels::none(),
            summary: Some(SummaryFormat::Text),
            keeps_samples: false,
            is_strict: false,
        }
    }

    /// Writes a profile here, and nothing else.
    pub(crate) fn write_only(&mut self, pprof: Target) -> Result<(), String> {
        (self.pprof, self.svg, self.folded) = (Some(pprof), None, None);
        self.check()
    }

    /// The recording that the outputs are named after.
    pub(crate) fn first_recording(&self) -> &Path {
        self.recordings.first().map_or(Path::new("-"), PathBuf::as_path)
    }

    /// Every output.
    pub(crate) fn outputs(&self) -> impl Iterator<Item = &Target> {
        [&self.pprof, &self.svg, &self.folded].into_iter().flatten()
    }

    fn check(&self) -> Result<(), String> {
        let inputs = self.recordings.iter().chain(&self.sources.images);
        if inputs.filter(|input| *input == Path::new("-")).count() > 1 {
            return Err("only one input can come from standard input".into());
        }
        let outputs: Vec<_> = self.outputs().collect();
        if self.summary == Some(SummaryFormat::Json) && outputs.contains(&&Target::Stdout) {
            return Err(
                "only one output can go to standard output, and `--summary json` does".into()
            );
        }
        check_apart(&outputs, &self.recordings.iter().map(PathBuf::as_path).collect::<Vec<_>>())
    }
}

/// `envoy` for `/tmp/envoy.perf`, in the current directory.
fn output_stem(recording: &Path) -> PathBuf {
    if recording == Path::new("-") {
        return PathBuf::from("stdin");
    }
    recording.file_stem().map_or_else(|| PathBuf::from("perf"), PathBuf::from)
}

/// Whether two paths are one file, which is there.
pub(crate) fn is_same_file(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}
