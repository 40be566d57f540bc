//! Images in tar archives, whose parts are read where they lie.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;

use crate::layers::{Layer, Layers};
use crate::oci::{self, Config, Descriptor, Digest, Documents, SavedImage};
use crate::tar_stream::{Kind, Segment, Tar, inner_path};
use crate::{Error, Wanted};

/// How many parts an archive of images may have.
const MAX_PARTS: usize = 100_000;

/// How many links may lead from one name to the next. Docker's old archives have one.
const MAX_LINKS: usize = 8;

/// A tar archive in a file, and where the parts of an image lie in it.
#[derive(Debug)]
pub(crate) struct Archive {
    file: File,
    parts: HashMap<String, Part>,
}

#[derive(Debug)]
enum Part {
    Bytes { at: u64, size: u64 },
    Link(String),
}

/// Whether a path is one that archives of images have: `blobs/sha256/...`, or a name made of an
/// image's digest.
pub(crate) fn is_image_path(path: &str) -> bool {
    let first = path.split('/').next().unwrap_or_default();
    let stem = first.strip_suffix(".tar").or_else(|| first.strip_suffix(".json")).unwrap_or(first);
    matches!(first, "blobs" | "oci-layout" | "index.json" | "manifest.json" | "repositories")
        || (stem.len() == 64 && stem.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

impl Archive {
    /// Reads the headers of an archive, and passes over what is between them.
    pub(crate) fn open(file: File, len: u64) -> Result<Self, Error> {
        let mut parts = HashMap::new();
        let mut tar = Tar::new(Segment::new(&file, 0, len));
        let damaged = |error| Error::damaged("the archive", &error);
        while let Some(entry) = tar.next().map_err(damaged)? {
            let part = match entry.kind {
                Kind::File => Part::Bytes { at: entry.offset, size: entry.size },
                Kind::Link(to) => Part::Link(to),
                Kind::Directory | Kind::Other => continue,
            };
            if parts.len() < MAX_PARTS && entry.path.split('/').count() <= 3 {
                parts.insert(entry.path, part);
            }
        }
        Ok(Self { file, parts })
    }

    /// The file, for reading it from its start.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Whether there is a part of this name.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.parts.contains_key(path)
    }

    /// Whether it can only be what `docker save` wrote, and not an OCI archive either.
    pub(crate) fn is_saved(&self) -> bool {
        let mut others = self.parts.keys().filter(|path| *path != "manifest.json");
        !self.has("index.json") && others.any(|path| is_image_path(path))
    }

    /// Reads a part, wherever in the archive links lead.
    fn part(&self, path: &str) -> Result<(Segment<'_>, u64), Error> {
        let missing = |path: &str| Error::Missing { part: format!("`{}`", path.escape_default()) };
        let mut at = inner_path(path).ok_or_else(|| missing(path))?;
        for _ in 0..=MAX_LINKS {
            match self.parts.get(&at).ok_or_else(|| missing(&at))? {
                Part::Bytes { at, size } => {
                    let end = at.saturating_add(*size);
                    return Ok((Segment::new(&self.file, *at, end), *size));
                }
                Part::Link(to) => at = follow(&at, to).ok_or_else(|| missing(to))?,
            }
        }
        let problem = "its links lead in a circle".to_owned();
        Err(Error::Damaged { part: format!("`{}`", path.escape_default()), problem })
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, Error> {
        oci::read_document(&format!("`{path}`"), self.part(path)?.0)
    }

    /// The layers of the images of `docker save`.
    pub(crate) fn saved_images(&self, wanted: &Wanted) -> Result<Vec<Vec<Layer>>, Error> {
        let images: Vec<SavedImage> = oci::parse("`manifest.json`", &self.read("manifest.json")?)?;
        let mut found = Vec::new();
        for image in images {
            let part = format!("`{}`", image.config.escape_default());
            let config: Config = oci::parse(&part, &self.read(&image.config)?)?;
            let ids = config.rootfs.diff_ids;
            if ids.len() != image.layers.len() {
                let problem =
                    format!("it states {} layers, and there are {}", ids.len(), image.layers.len());
                return Err(Error::Damaged { part, problem });
            }
            let layers = image.layers.into_iter().zip(ids);
            let layers = layers.map(|(name, diff_id)| -> Result<_, Error> {
                let size = self.part(&name)?.1;
                Ok(Layer { name, size, digest: None, diff_id: Some(diff_id) })
            });
            found.push((config.architecture, layers.collect::<Result<Vec<_>, _>>()?));
        }
        // Of several images those for the recorded machine; a single one, whatever it is for.
        let is_right = |arch: &Option<String>| arch.as_deref() == wanted.platform();
        if wanted.platform().is_some() && found.iter().any(|(arch, _)| is_right(arch)) {
            found.retain(|(arch, _)| is_right(arch));
        }
        Ok(found.into_iter().map(|(_, layers)| layers).collect())
    }

    /// The layers of the images of an OCI archive.
    pub(crate) fn images(&self, wanted: &Wanted) -> Result<Vec<Vec<Layer>>, Error> {
        oci::images("`index.json`", &self.read("index.json")?, self, wanted)
    }
}

impl Documents for Archive {
    fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>, Error> {
        self.read(&blob_path(&descriptor.digest))
    }
}

impl Layers for Archive {
    fn open(&self, layer: &Layer) -> Result<Box<dyn Read + '_>, Error> {
        let (part, _) = match &layer.digest {
            Some(digest) => self.part(&blob_path(digest))?,
            None => self.part(&layer.name)?,
        };
        Ok(Box::new(part))
    }
}

/// Where an OCI layout has what a digest names.
pub(crate) fn blob_path(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// Where a link at `from` leads, inside the archive.
fn follow(from: &str, to: &str) -> Option<String> {
    let mut parts: Vec<_> =
        if to.starts_with('/') { Vec::new() } else { from.split('/').collect() };
    parts.pop();
    for part in to.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_stay_inside() {
        assert_eq!(follow("a/layer.tar", "../b/layer.tar").unwrap(), "b/layer.tar");
        assert_eq!(follow("a/layer.tar", "/b/./layer.tar").unwrap(), "b/layer.tar");
        assert_eq!(follow("a/layer.tar", "../../etc/passwd"), None);
    }

    #[test]
    fn images_are_known_by_the_names_of_their_parts() {
        let digest = "0".repeat(64);
        for path in ["blobs/sha256", "oci-layout", &format!("{digest}.tar"), &digest] {
            assert!(is_image_path(path), "{path}");
        }
        for path in ["dbg/envoy", "usr/bin", "manifest.json.bak", "envoy.json"] {
            assert!(!is_image_path(path), "{path}");
        }
    }
}
