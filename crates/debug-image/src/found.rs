//! What was found.

use std::fmt;
use std::path::PathBuf;

use binaries::Machine;
use cache::FileId;
use profile::BuildId;
use serde::{Deserialize, Serialize};

/// What a source was taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Form {
    /// A directory, an ELF file, or whatever else is a file: not looked into.
    AsIs,
    /// A tar archive of files.
    Tar,
    /// What `docker save` writes.
    DockerArchive,
    /// A tar archive of an OCI layout.
    OciArchive,
    /// A directory with images.
    OciLayout,
    /// An image in a registry.
    Registry,
}

/// What an image has of what was wanted.
#[derive(Debug)]
pub struct Found {
    /// What the source was taken for.
    pub form: Form,
    /// Where the wanted files are: of a source [as it is](Form::AsIs) itself, otherwise each in a
    /// directory of its own, in the order in which a directory of them would be searched.
    pub paths: Vec<PathBuf>,
    /// The ELF files that were met, wanted or not, in the order of their paths.
    pub held: Vec<HeldFile>,
    /// Whether everything was looked at; otherwise all that was wanted was found before the end.
    pub is_whole: bool,
    /// Whether the image was read, and not what the cache knows of it.
    pub was_read: bool,
}

/// An ELF file of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldFile {
    /// Its path in the image.
    pub path: String,
    /// The machine it is for.
    pub machine: Machine,
    /// Its build ID.
    pub build_id: Option<BuildId>,
    /// Whether it is a DWARF package.
    pub is_package: bool,
    /// Where it is in the cache, if it was wanted.
    pub file: Option<FileId>,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AsIs => "a file or directory",
            Self::Tar => "a tar archive of files",
            Self::DockerArchive => "an archive of `docker save`",
            Self::OciArchive => "an OCI archive",
            Self::OciLayout => "an OCI image layout",
            Self::Registry => "an image in a registry",
        })
    }
}
