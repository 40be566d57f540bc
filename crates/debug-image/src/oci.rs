//! Manifests, indexes and digests, as the OCI image format has them and Docker's before it.

use std::fmt;
use std::io::Read;

use cache::Sha256;
use serde::Deserialize;

use crate::layers::{Layer, MAX_LAYERS};
use crate::{Error, Wanted};

/// What registries accept at most as a manifest.
pub(crate) const MAX_DOCUMENT: u64 = 4 << 20;

/// An index may lead to indexes; tools make one level of that.
const MAX_DEPTH: usize = 4;

/// How many images of one archive are searched.
const MAX_IMAGES: usize = 16;

/// The SHA-256 that names a part of an image.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Digest(String);

/// What one part of an image says of another.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Descriptor {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    pub(crate) platform: Option<Platform>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Platform {
    architecture: String,
    os: String,
}

/// A manifest (it has layers), an index (it has manifests), or something else.
#[derive(Debug, Deserialize)]
struct Document {
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
}

/// An image of `docker save`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SavedImage {
    pub(crate) config: String,
    pub(crate) layers: Vec<String>,
}

/// The parts of an image's configuration that say what its layers are.
#[derive(Debug, Deserialize)]
pub(crate) struct Config {
    pub(crate) architecture: Option<String>,
    pub(crate) rootfs: RootFs,
}

#[derive(Debug, Deserialize)]
pub(crate) struct RootFs {
    pub(crate) diff_ids: Vec<Digest>,
}

/// Where the documents of an image come from.
pub(crate) trait Documents {
    /// The bytes of a document, of which no more are taken than a document can have.
    fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>, Error>;
}

impl Digest {
    /// The 64 hexadecimal digits.
    pub(crate) fn hex(&self) -> &str {
        &self.0
    }

    /// That of some bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(Sha256::of(bytes))
    }

    /// `sha256:` and 64 lowercase digits. Anything else is not only no digest that is known here:
    /// it could also lead out of a directory that it is looked up in.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let hex = text.strip_prefix("sha256:")?;
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (hex.len() == 64 && hex.bytes().all(is_hex)).then(|| Self(hex.to_owned()))
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("{text:?} is no SHA-256 digest"))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.0)
    }
}

/// Parses a document of an image.
pub(crate) fn parse<T: for<'de> Deserialize<'de>>(part: &str, bytes: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes)
        .map_err(|error| Error::Damaged { part: part.to_owned(), problem: error.to_string() })
}

/// Reads a document, of which no more is taken than a document can have.
pub(crate) fn read_document(part: &str, input: impl Read) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let read = input.take(MAX_DOCUMENT + 1).read_to_end(&mut bytes);
    read.map_err(|error| Error::damaged(part, &error))?;
    if bytes.len() as u64 > MAX_DOCUMENT {
        let problem = format!("it has more than {MAX_DOCUMENT} bytes");
        return Err(Error::Damaged { part: part.to_owned(), problem });
    }
    Ok(bytes)
}

/// Whether a document is the one that a digest names.
pub(crate) fn check(digest: &Digest, bytes: &[u8]) -> Result<(), Error> {
    let found = Digest::of(bytes);
    if found != *digest {
        let part = format!("`{digest}`");
        return Err(Error::Digest { part, found: found.hex().to_owned() });
    }
    Ok(())
}

/// The layers of every image that a document leads to and that is for the recorded machine.
pub(crate) fn images(
    part: &str,
    document: &[u8],
    source: &dyn Documents,
    wanted: &Wanted,
) -> Result<Vec<Vec<Layer>>, Error> {
    let mut images = Vec::new();
    collect(part, document, source, wanted, 0, &mut images)?;
    Ok(images)
}

fn collect(
    part: &str,
    document: &[u8],
    source: &dyn Documents,
    wanted: &Wanted,
    depth: usize,
    images: &mut Vec<Vec<Layer>>,
) -> Result<(), Error> {
    let limit = |what: String, limit: usize| Err(Error::TooMany { what, limit: limit as u64 });
    let Document { layers, manifests } = parse(part, document)?;
    if let Some(layers) = layers {
        if layers.len() > MAX_LAYERS {
            return limit(format!("{} layers", layers.len()), MAX_LAYERS);
        }
        let layers = layers.into_iter().map(|layer| Layer {
            name: layer.digest.to_string(),
            size: layer.size,
            digest: Some(layer.digest),
            diff_id: None,
        });
        images.push(layers.collect());
        return Ok(());
    }
    let Some(manifests) = manifests else {
        let problem = "it is neither an image manifest nor an image index".to_owned();
        return Err(Error::Damaged { part: part.to_owned(), problem });
    };
    if depth == MAX_DEPTH {
        return limit("indexes of indexes".to_owned(), MAX_DEPTH);
    }
    for descriptor in choose(manifests, wanted)? {
        if images.len() == MAX_IMAGES {
            return limit(format!("more than {MAX_IMAGES} images"), MAX_IMAGES);
        }
        let bytes = source.document(&descriptor)?;
        check(&descriptor.digest, &bytes)?;
        collect(&format!("`{}`", descriptor.digest), &bytes, source, wanted, depth + 1, images)?;
    }
    Ok(())
}

/// The images of an index that are for the recorded machine, or do not say what they are for.
fn choose(manifests: Vec<Descriptor>, wanted: &Wanted) -> Result<Vec<Descriptor>, Error> {
    let is_named = |manifest: &&Descriptor| {
        manifest.platform.as_ref().is_some_and(|platform| platform.os != "unknown")
    };
    let held: Vec<_> = manifests
        .iter()
        .filter(is_named)
        .filter_map(|manifest| manifest.platform.as_ref())
        .map(|platform| format!("{}/{}", platform.os, platform.architecture))
        .collect();
    // Attestations of the build are for the platform `unknown`.
    let is_right = |manifest: &Descriptor| match (&manifest.platform, wanted.platform()) {
        (Some(platform), _) if platform.os == "unknown" => false,
        (Some(platform), Some(recorded)) => platform.architecture == recorded,
        _ => true,
    };
    let chosen: Vec<_> = manifests.into_iter().filter(is_right).collect();
    match wanted.platform() {
        Some(recorded) if chosen.is_empty() && !held.is_empty() => {
            Err(Error::Platform { held, recorded: format!("linux/{recorded}") })
        }
        _ => Ok(chosen),
    }
}
