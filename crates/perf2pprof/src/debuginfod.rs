//! Debug files from servers, for what no file at hand says enough about.

use std::cell::OnceCell;

use binaries::{Locator, Quality, Sources};
use cache::Cache;
use debug_image::Debuginfod;
use profile::{BuildId, Profile};

use crate::hints;
use crate::images::sampled_files;
use crate::message::{Failure, Warning};
use crate::progress::Progress;

/// Asks the servers for the debug files of all sampled binaries that have no DWARF at hand, and adds
/// those that came to the places to look in.
pub(crate) fn add_files(
    profile: &Profile,
    sources: &mut Sources,
    is_quiet: bool,
) -> Result<Vec<Warning>, Failure> {
    if sources.servers.is_empty() {
        return Ok(Vec::new());
    }
    let failed = |error: debug_image::Error| hints::no_debuginfod(&error);
    let servers = Debuginfod::new(&sources.servers).map_err(failed)?;
    let cache = Cache::open().map_err(|error| failed(error.into()))?;
    for (path, build_id) in lacking(profile, sources) {
        let bar = OnceCell::new();
        let file = servers.find(build_id, &cache, &|progress| {
            let stage = || format!("fetching debug info of `{path}`");
            let bar = bar.get_or_init(|| Progress::new(stage(), progress.total, is_quiet));
            bar.reach(progress.done);
        });
        // Found by its build ID in a directory, it counts for that binary alone.
        let file = file.map_err(failed)?;
        sources.images.extend(file.and_then(|file| Some(file.parent()?.to_owned())));
    }
    let problems = servers.problems().into_iter();
    Ok(problems
        .map(|(url, problem)| Warning::new(format!("`{url}` gave no debug info: {problem}")))
        .collect())
}

/// The sampled binaries that no file at hand has lines for.
fn lacking(profile: &Profile, sources: &Sources) -> Vec<(String, BuildId)> {
    let locator = Locator::new(sources);
    sampled_files(profile)
        .filter_map(|recorded| {
            let build_id = recorded.build_id?;
            let found = locator.locate(&recorded).found;
            let has_lines = found.is_some_and(|found| found.quality() >= Quality::Dwarf);
            (!has_lines).then(|| (recorded.path.to_owned(), build_id))
        })
        .collect()
}
