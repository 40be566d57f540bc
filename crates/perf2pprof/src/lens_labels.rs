//! Labels that say where in Envoy a sample is, and what the lens needs for that.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use binaries::ElfImage;
use lens::{Lens, Rules, Sections, Tags, add_labels};
use profile::{BinaryKind, Profile, Symbols};
use symbolize::{BinaryReport, Symbolized};

use crate::envoy;
use crate::message::Failure;

/// No file of rules is longer.
const MAX_RULES: u64 = 16 << 20;

/// Whether samples say where in Envoy they are.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct LensLabels {
    /// Label each sample with its subsystem, work, filter and direction in Envoy [default: if the
    /// program is an Envoy]
    #[arg(long, overrides_with = "no_lens", help_heading = "Output")]
    pub lens: bool,

    /// Label no sample so
    #[arg(long, overrides_with = "lens", help_heading = "Output")]
    pub no_lens: bool,

    /// By which rules.
    #[command(flatten)]
    pub rules: RuleArgs,
}

/// By which rules code is part of what.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct RuleArgs {
    /// Rules that come before the built-in ones, or in their place (see docs/lens.md)
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub lens_rules: Option<PathBuf>,
}

impl LensLabels {
    /// No labels.
    pub(crate) fn none() -> Self {
        Self { no_lens: true, ..Self::default() }
    }

    /// Labels the samples, if they are to be labelled. Of a profile that gets its names later the labels would
    /// soon be out of date, and are made only if asked for.
    pub(crate) fn add(
        &self,
        profile: &mut Profile,
        symbolized: &Symbolized,
        has_names: bool,
    ) -> Result<(), Failure> {
        let is_asked = self.lens || self.rules.lens_rules.is_some();
        let is_envoy = || has_names && envoy::is_profiled(profile, &symbolized.symbols);
        if self.no_lens || !(is_asked || is_envoy()) {
            return Ok(());
        }
        let lens = self.rules.lens()?;
        let tags = tags(&lens, profile, &symbolized.symbols, &symbolized.binaries);
        add_labels(&lens, &tags, profile);
        Ok(())
    }
}

impl RuleArgs {
    /// The lens.
    pub(crate) fn lens(&self) -> Result<Lens, Failure> {
        let built_in = Rules::built_in();
        let Some(path) = &self.lens_rules else { return Ok(Lens::new(built_in)) };
        let text = read(path)?;
        let rules = Rules::parse(&text, &built_in).map_err(|error| {
            Failure::new(format!("`{}` has no rules for the lens: {error}", path.display()))
                .hint("docs/lens.md has the fields of a rule, and an example")
        })?;
        Ok(Lens::new(rules))
    }
}

/// Where in Envoy each stack is. `symbols` may be more than was found now in the files of the binaries.
pub(crate) fn tags(
    lens: &Lens,
    profile: &Profile,
    symbols: &Symbols,
    binaries: &[BinaryReport],
) -> Tags {
    Tags::of(lens, profile, symbols, &sections(lens, profile, binaries))
}

fn read(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read =
        fs::File::open(path).and_then(|file| file.take(MAX_RULES + 1).read_to_string(&mut text));
    match read {
        Ok(len) if len as u64 <= MAX_RULES => Ok(text),
        Ok(_) => Err(Failure::new(format!("`{}` is longer than any rules", path.display()))),
        Err(error) => Err(Failure::new(format!("cannot read `{}`: {error}", path.display()))),
    }
}

/// The sections that rules ask for, of the files at hand.
fn sections(lens: &Lens, profile: &Profile, binaries: &[BinaryReport]) -> Sections {
    let mut sections = Sections::default();
    let is_file = |binary| profile.binaries[binary].kind == BinaryKind::File;
    for report in binaries.iter().filter(|report| is_file(report.binary)) {
        let Some(used) = &report.used else { continue };
        let Ok(image) = ElfImage::open(used.code.as_ref().unwrap_or(&used.image)) else { continue };
        for (name, place) in image.section_places(|name| lens.asks_for_section(name)) {
            sections.add(report.binary, place, &name);
        }
    }
    sections
}
