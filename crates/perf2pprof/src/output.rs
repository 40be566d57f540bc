//! Files that appear whole or not at all.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::hints;
use crate::job::is_same_file;
use crate::message::Failure;

/// Where an output goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Standard output.
    Stdout,
    /// A file.
    File(PathBuf),
    /// A file that somebody has open already, and will read from there: its content is replaced,
    /// not the file.
    Existing(PathBuf),
}

impl Target {
    /// What the user typed.
    pub(crate) fn new(path: &Path) -> Self {
        if path == Path::new("-") { Self::Stdout } else { Self::File(path.to_owned()) }
    }

    /// Whether it could be written, before any work is done.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        self.create().map(drop)
    }

    /// What a write error means: nothing for standard output whose reader has seen enough, and
    /// the end of the program otherwise.
    pub(crate) fn failed(&self, error: &io::Error) -> Result<(), Failure> {
        match self {
            Self::Stdout if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Self::Stdout => Err(hints::cannot_write_stdout(error)),
            Self::File(path) | Self::Existing(path) => Err(hints::cannot_write(path, error)),
        }
    }

    /// Writes all of it, or nothing.
    pub(crate) fn write(
        &self,
        content: impl FnOnce(&mut Output) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let mut output = self.create()?;
        content(&mut output).and_then(|()| output.finish()).or_else(|error| self.failed(&error))
    }

    /// Begins to write.
    pub(crate) fn create(&self) -> Result<Output, Failure> {
        let (path, output) = match self {
            Self::Stdout => return Ok(Output::Direct(Box::new(io::stdout()))),
            Self::File(path) => (path, try_create(path)),
            Self::Existing(path) => (path, try_open(path)),
        };
        output.map_err(|error| hints::cannot_write(path, &error))
    }
}

/// Refuses outputs that would be in each other's way, or would overwrite what is read.
pub(crate) fn check_apart(targets: &[&Target], inputs: &[&Path]) -> Result<(), String> {
    if targets.iter().filter(|target| ***target == Target::Stdout).count() > 1 {
        return Err("only one output can go to standard output".into());
    }
    for (index, target) in targets.iter().enumerate() {
        if let Target::File(path) = target
            && targets[..index].contains(target)
        {
            return Err(format!("two outputs are to be written to `{}`", path.display()));
        }
        if let Target::File(path) | Target::Existing(path) = target
            && inputs.iter().any(|input| is_same_file(path, input))
        {
            return Err(format!("`{}` is read, and would be overwritten", path.display()));
        }
    }
    Ok(())
}

/// The targets that the user named, checked: apart from each other and from what is read, and each can
/// be written.
pub(crate) fn named<'a>(
    paths: impl IntoIterator<Item = &'a PathBuf>,
    inputs: &[&Path],
) -> Result<Vec<Target>, Failure> {
    let targets = named_apart(paths, inputs)?;
    targets.iter().try_for_each(Target::check)?;
    Ok(targets)
}

/// The same, where directories may still have to be made.
pub(crate) fn named_apart<'a>(
    paths: impl IntoIterator<Item = &'a PathBuf>,
    inputs: &[&Path],
) -> Result<Vec<Target>, Failure> {
    let targets: Vec<_> = paths.into_iter().map(|path| Target::new(path)).collect();
    check_apart(&targets.iter().collect::<Vec<_>>(), inputs).map_err(Failure::usage)?;
    Ok(targets)
}

fn try_create(path: &Path) -> io::Result<Output> {
    // Behind a link it is the file itself that is replaced.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    match fs::metadata(&path) {
        Ok(existing) if existing.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(existing) if is_device(&existing) => {
            return Ok(Output::Direct(Box::new(File::options().write(true).open(path)?)));
        }
        Ok(existing) if existing.permissions().readonly() => {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(_) | Err(_) => {}
    }
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    // The mode of any new file; the umask takes its share.
    let mode = Permissions::from_mode(0o666);
    let file =
        tempfile::Builder::new().prefix(".perf2pprof-").permissions(mode).tempfile_in(directory)?;
    Ok(Output::Replacing { file, path })
}

fn try_open(path: &Path) -> io::Result<Output> {
    let file = File::options().write(true).open(path)?;
    if is_device(&file.metadata()?) {
        return Ok(Output::Direct(Box::new(file)));
    }
    Ok(Output::Refilling { file, bytes: Vec::new() })
}

fn is_device(metadata: &fs::Metadata) -> bool {
    let kind = metadata.file_type();
    kind.is_char_device() || kind.is_fifo() || kind.is_socket() || kind.is_block_device()
}

/// An output that is being written. Dropped before [`Output::finish`], it leaves no trace.
pub(crate) enum Output {
    /// Something that cannot be replaced: standard output, `/dev/null`, a named pipe.
    Direct(Box<dyn Write>),
    /// A file whose content is replaced when the new one is whole.
    Refilling {
        /// The file.
        file: File,
        /// The new content.
        bytes: Vec<u8>,
    },
    /// A file that gets its name when it is whole.
    Replacing {
        /// The file, under another name.
        file: NamedTempFile,
        /// The name it will get.
        path: PathBuf,
    },
}

impl Output {
    /// Gives the file its name.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self {
            Self::Direct(mut out) => out.flush(),
            Self::Refilling { mut file, bytes } => {
                file.set_len(0)?;
                file.write_all(&bytes)?;
                file.flush()
            }
            Self::Replacing { mut file, path } => {
                file.flush()?;
                file.persist(path)?;
                Ok(())
            }
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Direct(out) => out.write(bytes),
            Self::Refilling { bytes: content, .. } => content.write(bytes),
            Self::Replacing { file, .. } => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Direct(out) => out.flush(),
            Self::Refilling { .. } => Ok(()),
            Self::Replacing { file, .. } => file.flush(),
        }
    }
}
