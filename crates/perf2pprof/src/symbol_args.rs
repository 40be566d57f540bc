//! What the user can type to say where names come from.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use binaries::Sources;

/// Where names come from.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct SymbolArgs {
    /// Take symbols from this ELF or `.dwp` file, directory, tar archive, saved or pulled image
    /// (`docker save`, OCI), image in a registry (`docker://NAME:TAG`) or standard input (`-`);
    /// repeatable
    #[arg(long, value_name = "SOURCE", help_heading = "Symbols")]
    pub debug_image: Vec<PathBuf>,

    /// Use what --debug-image gives even if it is not what was recorded; the names are then a
    /// guess, and the profile says so
    #[arg(long, help_heading = "Symbols")]
    pub force_symbols: bool,

    /// Look up recorded paths below this directory instead of `/`
    #[arg(long, value_name = "DIR", help_heading = "Symbols")]
    pub sysroot: Option<PathBuf>,

    /// Look for debug files here, laid out like /usr/lib/debug (repeatable)
    #[arg(long, value_name = "DIR", help_heading = "Symbols")]
    pub debug_dir: Vec<PathBuf>,

    /// Ask this server for debug files by build ID (repeatable) [default: those of the variable
    /// `DEBUGINFOD_URLS`]
    #[arg(long, value_name = "URL", help_heading = "Symbols")]
    pub debuginfod: Vec<String>,

    /// Name kernel functions by this copy of the recorded machine's /proc/kallsyms
    #[arg(long, value_name = "FILE", help_heading = "Symbols")]
    pub kallsyms: Option<PathBuf>,

    /// Name kernel functions by this kernel image with symbols
    #[arg(long, value_name = "FILE", help_heading = "Symbols")]
    pub vmlinux: Option<PathBuf>,

    /// Show calls that the compiler inlined as part of their caller
    #[arg(long, help_heading = "Symbols")]
    pub no_inlines: bool,
}

impl SymbolArgs {
    /// The places to look for binaries in. The images are as the user named them: what is in them
    /// is for [`Images`](crate::images::Images) to find.
    pub(crate) fn sources(&self) -> Sources {
        let defaults = Sources::default();
        Sources {
            images: self.debug_image.clone(),
            sysroot: self.sysroot.clone().unwrap_or(defaults.sysroot.clone()),
            debug_dirs: self.debug_dir.clone(),
            servers: self.servers(),
            force: self.force_symbols,
            ..defaults
        }
    }

    /// Whether the user said where names are.
    pub(crate) fn is_given(&self) -> bool {
        let places = [&self.debug_image, &self.debug_dir];
        let files = [&self.sysroot, &self.kallsyms, &self.vmlinux];
        places.iter().any(|places| !places.is_empty())
            || files.iter().any(|file| file.is_some())
            || !self.debuginfod.is_empty()
    }

    /// The servers that were named, here or for all tools that ask such ones.
    fn servers(&self) -> Vec<String> {
        if !self.debuginfod.is_empty() {
            return self.debuginfod.clone();
        }
        let urls = std::env::var("DEBUGINFOD_URLS").unwrap_or_default();
        urls.split_whitespace().map(str::to_owned).collect()
    }

    /// How frames are named.
    pub(crate) fn options(&self, threads: NonZeroUsize) -> symbolize::Options {
        symbolize::Options {
            sources: self.sources(),
            kallsyms: self.kallsyms.clone(),
            vmlinux: self.vmlinux.clone(),
            inlines: !self.no_inlines,
            threads,
        }
    }
}
