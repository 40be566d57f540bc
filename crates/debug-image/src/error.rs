//! Why an image cannot be searched.

use std::io;

use crate::registry::RegistryError;

/// Why an image cannot be searched. Whoever prints it names the image.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file or directory cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(#[source] io::Error),
    /// The argument is no image reference.
    #[error("it is no name of an image: {0}")]
    Reference(&'static str),
    /// The address of a server of debug files is none.
    #[error("`{url}` is no address like `https://debuginfod.debian.net`")]
    Server {
        /// The address.
        url: String,
    },
    /// The file is compressed by a tool that is not read.
    #[error("it is compressed with {0}, which is not read")]
    Foreign(&'static str),
    /// A part of the image is not what it should be.
    #[error("{part} is damaged: {problem}")]
    Damaged {
        /// Which part.
        part: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A part of the image is not the one that its digest names.
    #[error("{part} is not what was asked for: its digest is sha256:{found}")]
    Digest {
        /// Which part; its name is the digest that it should have.
        part: String,
        /// The digest that it has.
        found: String,
    },
    /// A part of the image is not there.
    #[error("{part} is not in it")]
    Missing {
        /// Which part.
        part: String,
    },
    /// The image claims more than an image can have.
    #[error("it claims {what}, and {limit} are the most that are taken")]
    TooMany {
        /// What, and how many.
        what: String,
        /// How many there may be.
        limit: u64,
    },
    /// The files that were found take more room than the cache has.
    #[error(
        "`{path}` in it has {size} bytes, for which the cache has no room: its limit is {limit} bytes"
    )]
    TooLarge {
        /// The file.
        path: String,
        /// Its size.
        size: u64,
        /// How much the cache may hold.
        limit: u64,
    },
    /// The image is for other machines than the recorded one.
    #[error("it is for {}, and the recording is of {recorded}", held.join(" and "))]
    Platform {
        /// The platforms that it is for.
        held: Vec<String>,
        /// The recorded one.
        recorded: String,
    },
    /// What was found cannot be kept.
    #[error(transparent)]
    Cache(#[from] cache::Error),
    /// The registry does not give it.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl Error {
    /// A part that cannot be read to its end.
    pub(crate) fn damaged(part: &str, error: &io::Error) -> Self {
        Self::Damaged { part: part.to_owned(), problem: error.to_string() }
    }
}
