//! Images in a registry, by the OCI distribution protocol: manifests and blobs.

mod blobs;
pub(crate) mod credentials;
mod http;
mod reference;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub(crate) use blobs::Blobs;
use http::Http;
pub(crate) use http::{agent_config, host_of};
pub(crate) use reference::Reference;

use crate::layers::Layer;
use crate::oci::{self, Descriptor, Digest, Documents};
use crate::{Error, Wanted};

/// What is understood of what a registry may have under a name.
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// How long a registry may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    /// Until the connection stands.
    pub(crate) connect: Duration,
    /// Until an answer begins, and for each next piece of it.
    pub(crate) read: Duration,
    /// For the whole of an answer that is no layer, and for some kilobytes of one that is.
    pub(crate) document: Duration,
}

/// Why a registry does not give an image.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// There is no connection.
    #[error("`{host}` cannot be reached: {problem}")]
    Unreachable {
        /// The registry, or where it led.
        host: String,
        /// What went wrong.
        problem: String,
    },
    /// Whoever answers there cannot prove to be it.
    #[error("`{host}` is not to be trusted: {problem}")]
    Untrusted {
        /// The registry, or where it led.
        host: String,
        /// What is wrong with its certificate.
        problem: String,
    },
    /// Nothing came for too long.
    #[error("`{host}` sent nothing for {} seconds", limit.as_secs())]
    Stalled {
        /// The registry, or where it led.
        host: String,
        /// For how long it was waited.
        limit: Duration,
    },
    /// Too little came to wait for the rest.
    #[error("`{host}` sends too slowly: next to nothing came in {} seconds", limit.as_secs())]
    Slow {
        /// The registry, or where it led.
        host: String,
        /// For how long it was waited.
        limit: Duration,
    },
    /// It wants a password, or another one.
    #[error("`{host}` refuses access to `{repository}`{}", if *has_credentials { " with the docker config's password" } else { " without a password" })]
    Denied {
        /// The registry.
        host: String,
        /// What was asked for.
        repository: String,
        /// Whether a password was sent.
        has_credentials: bool,
    },
    /// It does not have it.
    #[error("`{host}` has no {what}")]
    NotFound {
        /// The registry.
        host: String,
        /// What was asked for.
        what: String,
    },
    /// It answers with an error.
    #[error("`{host}` answered {status}")]
    Status {
        /// The registry.
        host: String,
        /// The HTTP status.
        status: u16,
    },
    /// It leads to a place that is not gone to.
    #[error("`{host}` leads to `{to}`, which is not followed")]
    Redirect {
        /// The registry.
        host: String,
        /// Where it leads.
        to: String,
    },
    /// What it sends is not what it said.
    #[error("`{host}` is not to be believed: {problem}")]
    Lies {
        /// The registry.
        host: String,
        /// What does not fit.
        problem: String,
    },
    /// There are no certificates to know a registry by.
    #[error("there are no certificates to know a registry by")]
    NoCertificates,
    /// The download cannot be kept.
    #[error("the download cannot be written: {0}")]
    Disk(String),
}

/// A registry, asked for one image.
pub(crate) struct Registry<'a> {
    reference: &'a Reference,
    http: Http,
}

impl Timeouts {
    /// What a slow line needs, and what a person has patience for.
    pub(crate) const DEFAULT: Self = Self {
        connect: Duration::from_secs(15),
        read: Duration::from_secs(30),
        document: Duration::from_mins(1),
    };
}

impl<'a> Registry<'a> {
    pub(crate) fn new(
        reference: &'a Reference,
        timeouts: Timeouts,
        credentials: Option<String>,
    ) -> Result<Self, Error> {
        Ok(Self { reference, http: Http::new(reference, timeouts, credentials)? })
    }

    /// The digest that was asked for, if the name has one.
    pub(crate) fn digest(&self) -> Option<&Digest> {
        self.reference.digest.as_ref()
    }

    /// The manifest or index that the name leads to now.
    pub(crate) fn manifest(&self) -> Result<Vec<u8>, Error> {
        match &self.reference.digest {
            Some(digest) => {
                let bytes = self.http.document(&format!("manifests/{digest}"), MANIFESTS)?;
                oci::check(digest, &bytes)?;
                Ok(bytes)
            }
            None => self.http.document(&format!("manifests/{}", self.reference.tag), MANIFESTS),
        }
    }

    /// The layers of the image for the recorded machine.
    pub(crate) fn images(
        &self,
        manifest: &[u8],
        wanted: &Wanted,
    ) -> Result<Vec<Vec<Layer>>, Error> {
        oci::images("the manifest", manifest, self, wanted)
    }

    /// Its layers, downloaded to the cache.
    pub(crate) fn blobs<'b>(&'b self, cache: &'b cache::Cache) -> Blobs<'b> {
        Blobs::new(&self.http, cache)
    }
}

impl Documents for Registry<'_> {
    fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>, Error> {
        self.http.document(&format!("manifests/{}", descriptor.digest), MANIFESTS)
    }
}
