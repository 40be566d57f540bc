//! Standing in for `perf_to_profile`, so that `pprof envoy.perf` works.
//!
//! pprof makes the output file, keeps it open, runs the tool and reads from what it has open: the
//! profile must be written into that very file. Everything else is our own conversion, which also
//! names the functions, unless `PERF2PPROF_COMPAT=strict` asks for exactly what `perf_to_profile`
//! writes.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Parser;

use crate::args::Args;
use crate::hints;
use crate::job::Job;
use crate::message::Failure;
use crate::output::Target;
use crate::recording::Recording;
use crate::{compat, run};

/// The environment variable that chooses what is written.
const COMPAT: &str = "PERF2PPROF_COMPAT";

const USAGE: &str = "perf_to_profile -i RECORDING -o PROFILE [-f] [-j]\n  \
    -f  write over an existing profile\n  \
    -j  accepted and without effect: mappings of code made at run time need no alignment";

/// A conversion on behalf of pprof.
#[derive(Debug)]
pub struct StandIn {
    input: PathBuf,
    output: PathBuf,
    overwrites: bool,
}

impl StandIn {
    /// Reads the arguments as `getopt` does: a value may stand in the option's own word.
    pub fn parse(args: impl Iterator<Item = OsString>) -> Result<Self, Failure> {
        let wrong = |what: String| Failure::new(what).hint(USAGE);
        let (mut input, mut output, mut overwrites) = (None, None, false);
        let mut args = args.map(|arg| arg.to_string_lossy().into_owned());
        while let Some(arg) = args.next() {
            let Some(mut letters) = arg.strip_prefix('-') else {
                return Err(wrong(format!("`{arg}` is no option")));
            };
            while let Some(letter) = letters.chars().next() {
                letters = &letters[letter.len_utf8()..];
                let target = match letter {
                    'i' => &mut input,
                    'o' => &mut output,
                    'f' => {
                        overwrites = true;
                        continue;
                    }
                    'j' => continue,
                    _ => return Err(wrong(format!("there is no option `-{letter}`"))),
                };
                let value = if letters.is_empty() { args.next() } else { Some(letters.to_owned()) };
                let value = value.ok_or_else(|| wrong(format!("`-{letter}` needs a file")))?;
                *target = Some(PathBuf::from(value));
                letters = "";
            }
        }
        match (input, output) {
            (Some(input), Some(output)) => Ok(Self { input, output, overwrites }),
            _ => Err(wrong("both `-i` and `-o` are needed".to_owned())),
        }
    }

    /// Converts.
    pub fn run(self) -> Result<(), Failure> {
        let target = match self.output.exists() {
            true if !self.overwrites => {
                let shown = self.output.display();
                return Err(Failure::new(format!("`{shown}` exists")).hint("`-f` writes over it"));
            }
            true => Target::Existing(self.output),
            false => Target::File(self.output),
        };
        if std::env::var_os(COMPAT).is_some_and(|value| value == "strict") {
            return strict(&self.input, &target);
        }
        run(&job(self.input, target)?)
    }
}

/// What `perf2pprof --quiet --no-lens -o OUT IN` does.
fn job(input: PathBuf, target: Target) -> Result<Job, Failure> {
    let options = ["perf_to_profile", "--quiet", "--no-lens", "--"].map(OsString::from);
    let words = options.into_iter().chain([input.into()]);
    let args = Args::try_parse_from(words).map_err(|error| Failure::new(error.to_string()))?;
    let mut job = Job::new(args.convert).map_err(Failure::new)?;
    job.write_only(target).map_err(Failure::new)?;
    Ok(job)
}

fn strict(input: &Path, target: &Target) -> Result<(), Failure> {
    let shown = input.to_str().unwrap_or("the recording");
    let recording = Recording::open(input)?;
    let perf = recording
        .parse()
        .map_err(|error| hints::not_perf_data(shown, &error, recording.first_bytes()))?;
    hints::check_supported(shown, &perf)?;
    let profile = compat::convert(&perf);
    if profile.sample.is_empty() {
        return Err(hints::no_samples(shown, &perf));
    }
    let mut output = target.create()?;
    output
        .write_all(&pprof_format::encode(&profile))
        .and_then(|()| output.finish())
        .or_else(|error| target.failed(&error))
}
