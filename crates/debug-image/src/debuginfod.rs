//! Servers of debug files: `GET URL/buildid/ID/debuginfo`, or `/executable` where that is not found.
//!
//! What comes is kept in the cache, and so is for ten minutes that nothing came, as elfutils has it. A
//! server that cannot be reached, or stalls, is not asked again in the same run. Whatever it sends is
//! taken only if it is an ELF file with the build ID that was asked for.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use binaries::ElfImage;
use cache::{Cache, FileId};
use profile::BuildId;
use ureq::{Agent, Body};

use crate::registry::{agent_config, host_of};
use crate::{Error, Progress, Report};

/// How long it is believed that a server does not have a file.
const MISSING_FOR: Duration = Duration::from_mins(10);

/// How long a server may take.
const CONNECT: Duration = Duration::from_secs(10);
const READ: Duration = Duration::from_secs(30);

/// Servers to ask for debug files, in their order.
#[derive(Debug)]
pub struct Debuginfod {
    servers: Vec<Server>,
}

#[derive(Debug)]
struct Server {
    url: String,
    agent: Agent,
    /// What went wrong, if anything did: then it is not asked again.
    problem: RefCell<Option<String>>,
}

/// What a server said of a build ID.
enum Answer {
    Missing,
    File(FileId),
}

impl Debuginfod {
    /// Servers by their addresses.
    ///
    /// # Errors
    /// If one is no address of HTTP, or the system has no certificates to check HTTPS with.
    pub fn new(urls: &[String]) -> Result<Self, Error> {
        let servers = urls.iter().map(|url| Server::new(url)).collect::<Result<_, _>>()?;
        Ok(Self { servers })
    }

    /// The debug file of a build, or else its binary, from the cache or the first server that has
    /// it.
    ///
    /// # Errors
    /// If the cache cannot be used.
    pub fn find(
        &self,
        build_id: BuildId,
        cache: &Cache,
        report: Report<'_>,
    ) -> Result<Option<PathBuf>, Error> {
        for kind in ["debuginfo", "executable"] {
            for server in &self.servers {
                if let Answer::File(file) = server.find(kind, build_id, cache, report)?
                    && let Some(path) = cache.file(&file)
                {
                    return Ok(Some(path));
                }
            }
        }
        Ok(None)
    }

    /// The servers that gave up, or were given up, and why.
    pub fn problems(&self) -> Vec<(String, String)> {
        let problem =
            |server: &Server| Some((server.url.clone(), server.problem.borrow().clone()?));
        self.servers.iter().filter_map(problem).collect()
    }
}

impl Server {
    fn new(url: &str) -> Result<Self, Error> {
        let url = url.trim_end_matches('/');
        let is_http = url.starts_with("http://");
        let host = host_of(url);
        if (!is_http && !url.starts_with("https://")) || host.is_empty() {
            return Err(Error::Server { url: url.to_owned() });
        }
        let config = agent_config(&host, !is_http, (CONNECT, READ))?;
        let agent = config.build().new_agent();
        Ok(Self { url: url.to_owned(), agent, problem: RefCell::new(None) })
    }

    fn find(
        &self,
        kind: &str,
        build_id: BuildId,
        cache: &Cache,
        report: Report<'_>,
    ) -> Result<Answer, Error> {
        let url = format!("{}/buildid/{build_id}/{kind}", self.url);
        let key = format!("debuginfod {url}");
        if let Some(answer) = cache.note(&key).and_then(|note| Answer::read(&note, cache)) {
            return Ok(answer);
        }
        if self.problem.borrow().is_some() {
            return Ok(Answer::Missing);
        }
        let answer = match self.fetch(&url, build_id, cache, report) {
            Ok(answer) => answer,
            Err(Stop::Cache(error)) => return Err(error.into()),
            Err(Stop::Server(problem)) => {
                *self.problem.borrow_mut() = Some(problem);
                return Ok(Answer::Missing);
            }
        };
        cache.keep_note(&key, answer.note().as_bytes())?;
        Ok(answer)
    }

    fn fetch(
        &self,
        url: &str,
        build_id: BuildId,
        cache: &Cache,
        report: Report<'_>,
    ) -> Result<Answer, Stop> {
        let failed = |error: ureq::Error| Stop::Server(error.to_string());
        let response = self.agent.get(url).call().map_err(failed)?;
        match response.status().as_u16() {
            200 => {}
            404 => return Ok(Answer::Missing),
            status => return Err(Stop::Server(format!("it answered with status {status}"))),
        }
        let mut staged = cache.stage(&format!("{build_id}.debug")).map_err(Stop::Cache)?;
        copy(response.into_body(), &mut staged, cache.limit(), report)?;
        let is_asked =
            ElfImage::open(&staged.path()).is_ok_and(|image| image.build_id() == Some(build_id));
        if !is_asked {
            return Err(Stop::Server(format!("what it sent for {build_id} is another file")));
        }
        staged.keep(cache).map(Answer::File).map_err(Stop::Cache)
    }
}

/// Why a file is not to be had.
enum Stop {
    Cache(cache::Error),
    Server(String),
}

/// Writes an answer to the cache, as long as it stays within the cache's limit.
fn copy(body: Body, staged: &mut impl Write, limit: u64, report: Report<'_>) -> Result<(), Stop> {
    let server = |error: io::Error| Stop::Server(error.to_string());
    let length = body.content_length();
    let total = length.unwrap_or(0);
    let mut reader = body.into_with_config().limit(limit).reader();
    let mut buffer = vec![0; 256 << 10];
    let mut done = 0_u64;
    loop {
        let len = reader.read(&mut buffer).map_err(server)?;
        if len == 0 {
            break;
        }
        staged.write_all(&buffer[..len]).map_err(server)?;
        done = done.saturating_add(len as u64);
        report(Progress { done, total: total.max(done) });
    }
    match length.filter(|length| *length != done) {
        Some(length) => Err(Stop::Server(format!("it sent {done} of {length} bytes"))),
        None => staged.flush().map_err(server),
    }
}

impl Answer {
    fn note(&self) -> String {
        match self {
            Self::Missing => format!("missing {}", now().as_secs()),
            Self::File(file) => format!("file {file}"),
        }
    }

    /// An answer that is still true.
    fn read(note: &[u8], cache: &Cache) -> Option<Self> {
        match str::from_utf8(note).ok()?.split_once(' ')? {
            ("missing", since) => {
                let since = Duration::from_secs(since.parse().ok()?);
                let is_recent = now().checked_sub(since).is_some_and(|age| age < MISSING_FOR);
                is_recent.then_some(Self::Missing)
            }
            ("file", file) => {
                let file = FileId::parse(file)?;
                cache.file(&file).map(|_| Self::File(file))
            }
            _ => None,
        }
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
