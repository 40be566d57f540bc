//! Buckets of Amazon's, Google's and Azure's stores, and of all that speak as they do.
//!
//! Keys and regions come from the variables that their own tools read (`AWS_ACCESS_KEY_ID` and so on). What
//! fails in passing is tried again, later and later, for three minutes.

use std::io::Write;
use std::time::{Duration, SystemTime};

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, ObjectStoreExt, RetryConfig};
use perf2pprof::Failure;
use tokio::runtime::Runtime;

use super::{Entry, cannot};

/// A prefix of a bucket.
pub struct Remote {
    url: String,
    prefix: Path,
    store: Box<dyn ObjectStore>,
    runtime: Runtime,
}

fn retries() -> RetryConfig {
    let backoff = BackoffConfig {
        init_backoff: Duration::from_millis(100),
        max_backoff: Duration::from_secs(15),
        base: 2.0,
    };
    RetryConfig { backoff, max_retries: 12, retry_timeout: Duration::from_mins(3) }
}

fn client(is_plain: bool) -> ClientOptions {
    ClientOptions::new()
        .with_allow_http(is_plain)
        .with_connect_timeout(Duration::from_secs(10))
        .with_timeout(Duration::from_mins(2))
}

/// Whether an address is of this machine, so that nobody listens in.
fn is_loopback(endpoint: &str) -> bool {
    let host = endpoint.strip_prefix("http://").unwrap_or_default();
    let host = host.split('/').next().unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    host == "localhost"
        || host == "[::1]"
        || host.parse().is_ok_and(|ip: std::net::Ipv4Addr| ip.is_loopback())
}

impl Remote {
    /// What a URL names. `endpoint` is another server than the cloud's.
    pub fn open(url: &str, endpoint: Option<&str>) -> Result<Self, Failure> {
        let failed = |error: object_store::Error| cannot("open", &url, &error);
        let is_plain = endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"));
        if let Some(endpoint) = endpoint.filter(|endpoint| is_plain && !is_loopback(endpoint)) {
            return Err(Failure::usage(format!("`{endpoint}` is not encrypted"))
                .hint("`--endpoint https://...` is; http is for 127.0.0.1 alone"));
        }
        // Whoever was first has chosen the same.
        drop(rustls::crypto::ring::default_provider().install_default());
        let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
        let store: Box<dyn ObjectStore> = match scheme {
            "s3" | "s3a" => {
                let mut builder = AmazonS3Builder::from_env().with_url(url);
                if let Some(endpoint) = endpoint {
                    builder = builder.with_endpoint(endpoint);
                }
                let builder = builder.with_client_options(client(is_plain)).with_retry(retries());
                Box::new(builder.build().map_err(failed)?)
            }
            "gs" => {
                let mut builder = GoogleCloudStorageBuilder::from_env().with_url(url);
                if let Some(endpoint) = endpoint {
                    builder = builder.with_base_url(endpoint);
                }
                let builder = builder.with_client_options(client(is_plain)).with_retry(retries());
                Box::new(builder.build().map_err(failed)?)
            }
            "az" | "abfs" | "abfss" => {
                let mut builder = MicrosoftAzureBuilder::from_env().with_url(url);
                if let Some(endpoint) = endpoint {
                    builder = builder.with_endpoint(endpoint.to_owned());
                }
                let builder = builder.with_client_options(client(is_plain)).with_retry(retries());
                Box::new(builder.build().map_err(failed)?)
            }
            _ => {
                return Err(Failure::usage(format!(
                    "`{url}` is in no kind of store that is known"
                ))
                .hint(
                    "`s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` and `az://CONTAINER/PREFIX` are",
                ));
            }
        };
        let path = url.split_once("://").map_or("", |(_, rest)| rest);
        let path = path.split_once('/').map_or("", |(_, path)| path);
        let prefix = Path::parse(path.trim_end_matches('/'))
            .map_err(|error| cannot("open", &url, &error))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| cannot("open", &url, &error))?;
        Ok(Self { url: url.trim_end_matches('/').to_owned(), prefix, store, runtime })
    }

    fn path(&self, name: &str) -> Result<Path, Failure> {
        let whole = match (self.prefix.as_ref(), name) {
            (prefix, "") => prefix.to_owned(),
            ("", name) => name.to_owned(),
            (prefix, name) => format!("{prefix}/{name}"),
        };
        Path::parse(whole).map_err(|error| cannot("open", &self.shown(name), &error))
    }

    pub(super) fn shown(&self, name: &str) -> String {
        if name.is_empty() { self.url.clone() } else { format!("{}/{name}", self.url) }
    }

    pub(super) fn list(&self, below: &str) -> Result<Vec<Entry>, Failure> {
        use futures_util::TryStreamExt;
        let path = self.path(below)?;
        let failed = |error| cannot("read", &self.shown(below), &error);
        let found = self.runtime.block_on(self.store.list(Some(&path)).try_collect::<Vec<_>>());
        let start = self.prefix.as_ref();
        let entries = found.map_err(failed)?.into_iter().filter_map(|meta| {
            let name = meta.location.as_ref().strip_prefix(start)?.trim_start_matches('/');
            let modified = Some(SystemTime::from(meta.last_modified));
            Some(Entry { name: name.to_owned(), size: meta.size, modified })
        });
        Ok(entries.filter(|entry| !entry.name.is_empty()).collect())
    }

    /// When a file was changed last; nothing if it is not there.
    pub fn modified(&self, name: &str) -> Result<Option<SystemTime>, Failure> {
        match self.runtime.block_on(self.store.head(&self.path(name)?)) {
            Ok(meta) => Ok(Some(SystemTime::from(meta.last_modified))),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(cannot("read", &self.shown(name), &error)),
        }
    }

    /// Copies the bytes of a file, up to one more than `limit`.
    pub fn copy(&self, name: &str, limit: u64, out: &mut dyn Write) -> Result<(), Failure> {
        use futures_util::TryStreamExt;
        let path = self.path(name)?;
        let failed = |error: &dyn std::fmt::Display| cannot("read", &self.shown(name), error);
        self.runtime.block_on(async {
            let got = self.store.get(&path).await.map_err(|error| failed(&error))?;
            let mut stream = got.into_stream();
            let mut len = 0_u64;
            while let Some(piece) = stream.try_next().await.map_err(|error| failed(&error))? {
                out.write_all(&piece).map_err(|error| failed(&error))?;
                len = len.saturating_add(piece.len() as u64);
                if len > limit {
                    break;
                }
            }
            Ok(())
        })
    }

    pub(super) fn write(&self, name: &str, bytes: Vec<u8>) -> Result<(), Failure> {
        let path = self.path(name)?;
        let done = self.runtime.block_on(self.store.put(&path, bytes.into()));
        done.map(drop).map_err(|error| cannot("write", &self.shown(name), &error))
    }

    pub(super) fn remove(&self, name: &str) -> Result<(), Failure> {
        let path = self.path(name)?;
        let done = self.runtime.block_on(self.store.delete(&path));
        done.map_err(|error| cannot("remove", &self.shown(name), &error))
    }
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn plain_http_stays_on_the_machine() {
        for own in ["http://127.0.0.1:9000", "http://localhost:1/x", "http://[::1]:80"] {
            assert!(is_loopback(own), "{own}");
        }
        for other in ["http://10.0.0.1:9000", "http://127.0.0.1.evil.example", "http://minio:9000"]
        {
            assert!(!is_loopback(other), "{other}");
        }
    }
}
