//! What to tell the user to try. Every hint of the program stands in this file.

pub(crate) mod comparison;
pub(crate) mod time;

use std::io;
use std::path::Path;

use binaries::{Match, Refusal, Refused};
use perf_data::{PerfData, RecordKind};
use profile::{BinaryKind, EventMismatch, Profile, Reason};
use session::{LeftOut, Selection, SelectionError};
use symbolize::{BinaryReport, Symbolized};

use crate::envoy;
use crate::message::Failure;
use crate::message::base_name;
use crate::shares::Weights;
use crate::stack_health::StackHealth;
use crate::summary::percent;

/// What was given has no symbols.
pub(crate) const FOR_STRIPPED: &str = "its debug image or debug package has the symbols; the images \
     of Envoy 1.26.0 to 1.26.2 were published without";

/// A file with the recorded build ID was refused.
pub(crate) fn for_twin(refusal: &Refusal, has_build_id: bool) -> Option<String> {
    let is_twin = matches!(refusal, Refusal::Geometry { .. } | Refusal::Calls(_));
    (is_twin && has_build_id).then(|| {
        "it has the recorded build ID and is another program: builds of one commit (contrib, FIPS, \
         another architecture) share it; take the debug image of the same variant and architecture"
            .to_owned()
    })
}

/// The recording cannot be opened.
pub(crate) fn cannot_open(path: &Path, error: &io::Error) -> Failure {
    let shown = path.display();
    let failure = Failure::new(format!("cannot open `{shown}`: {}", reason(error)));
    match error.kind() {
        io::ErrorKind::PermissionDenied => failure.hint(format!(
            "`sudo perf record` leaves a file only root can read; try `sudo chown \"$USER\" {shown}`"
        )),
        io::ErrorKind::NotFound => failure.hint(
            "copy it out of the container first: `docker cp CONTAINER:/tmp/envoy.perf .` or \
             `kubectl cp POD:/tmp/envoy.perf envoy.perf`",
        ),
        _ => failure,
    }
}

/// An output cannot be written.
pub(crate) fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    let failure = Failure::new(format!("cannot write `{}`: {}", path.display(), reason(error)));
    match error.kind() {
        io::ErrorKind::NotFound => failure.hint(format!(
            "`mkdir -p {}` makes its directory",
            path.parent().unwrap_or(path).display()
        )),
        io::ErrorKind::IsADirectory => failure.hint("name a file in it"),
        _ => failure.hint("`-o FILE` and `--flamegraph FILE` choose another place"),
    }
}

/// Standard output cannot be written.
pub(crate) fn cannot_write_stdout(error: &io::Error) -> Failure {
    Failure::new(format!("cannot write to standard output: {}", reason(error)))
}

/// The recording is a directory.
pub(crate) fn is_directory(path: &Path) -> Failure {
    let shown = path.display();
    Failure::new(format!("`{shown}` is a directory, not a perf.data file"))
        .hint(format!("pass the file that `perf record -o` wrote, such as `{shown}/perf.data`"))
}

/// The temporary file takes no more.
pub(crate) fn cannot_spool(dir: &Path, error: &io::Error) -> Failure {
    let shown = dir.display();
    Failure::new(format!("cannot write a temporary file in `{shown}`: {}", reason(error))).hint(
        "what comes through a pipe, is compressed or is a directory is kept there, uncompressed; \
         `TMPDIR=DIR` chooses a place with more room",
    )
}

/// `-` was given, and nothing comes in.
pub(crate) fn stdin_is_terminal() -> Failure {
    Failure::new("standard input is a terminal, not a recording").hint(
        "`perf2pprof - < envoy.perf`, or `kubectl exec POD -- cat /tmp/envoy.perf | perf2pprof -`",
    )
}

/// The file is read, and it is no recording: what is it?
pub(crate) fn not_perf_data(shown: &str, error: &perf_data::Error, start: &[u8]) -> Failure {
    match error {
        perf_data::Error::Empty => Failure::new(format!("`{shown}` is empty"))
            .hint("was the disk full, or `perf record` still starting? Record again, and copy the file after perf has ended"),
        perf_data::Error::NotPerfData => unknown_format(shown, start),
        _ => Failure::new(format!("cannot read `{shown}`: {error}"))
            .hint("is it whole? Compare its size with that of the file in the container"),
    }
}

/// Servers of debug files that cannot be asked at all.
pub(crate) fn no_debuginfod(error: &debug_image::Error) -> Failure {
    Failure::new(format!("no debug files can be fetched: {error}"))
        .hint("`--debuginfod URL`, or the variable `DEBUGINFOD_URLS`, names servers of debug files")
}

/// A debug image cannot be searched.
pub(crate) fn no_debug_image(shown: &str, error: &debug_image::Error) -> Failure {
    use debug_image::{Error, RegistryError};
    let failure = Failure::new(format!("cannot take symbols from `{shown}`: {error}"));
    let is_local = !shown.starts_with("docker://");
    match error {
        Error::Foreign(_) => {
            failure.hint("unpack it, and give the directory: `--debug-image DIRECTORY`")
        }
        Error::Reference(_) => failure.hint("such as `docker://envoyproxy/envoy:debug-v1.31.2`"),
        Error::TooLarge { .. } => {
            failure.hint(format!("`{}=50G` gives the cache more room", cache::LIMIT_VARIABLE))
        }
        Error::Platform { recorded, .. } => failure.hint(format!(
            "take the image from a machine like the recorded one, or `docker pull --platform {recorded}` it"
        )),
        Error::Damaged { .. } | Error::Digest { .. } | Error::Missing { .. } if is_local => {
            failure.hint("is it whole? Save or copy it again, and compare the sizes")
        }
        Error::Cache(_) => failure.hint("`XDG_CACHE_HOME=DIR` keeps the cache in another place"),
        Error::Registry(error) => match error {
            RegistryError::Denied { host, .. } => failure.hint(format!(
                "is the name right? Registries refuse what they do not have, too; `docker login {host}` stores a password"
            )),
            RegistryError::NotFound { .. } => failure.hint(
                "Envoy's debug images are `envoyproxy/envoy:debug-v1.31.2` from 1.26 on, and `envoyproxy/envoy-debug:v1.25.0` before",
            ),
            RegistryError::Unreachable { .. }
            | RegistryError::Stalled { .. }
            | RegistryError::Slow { .. } => failure.hint(
                "try again: the download goes on where it ended; `HTTPS_PROXY=URL` names a proxy",
            ),
            RegistryError::Status { status: 429, host } => failure.hint(format!(
                "it was asked too often: wait, or `docker login {host}`; a name with `@sha256:DIGEST` is not asked for again"
            )),
            RegistryError::Untrusted { .. } => failure.hint(
                "for a registry of your own, `SSL_CERT_FILE=FILE` names the certificate of the authority behind it",
            ),
            RegistryError::NoCertificates => failure
                .hint("install `ca-certificates`, or name a file with them: `SSL_CERT_FILE=FILE`"),
            _ => failure,
        },
        _ => failure,
    }
}

/// A name that is no file's.
pub(crate) fn image_without_scheme(shown: &str) -> Failure {
    Failure::new(format!("there is no file `{shown}`")).hint(format!(
        "`--debug-image docker://{shown}` takes the image of that name from its registry"
    ))
}

/// What to try when an image is not of the recorded build.
pub(crate) const OTHER_IMAGE: &str = "take the debug image of the very build that was recorded: same version, same variant (contrib, distroless), same architecture";

/// Recordings whose samples lie in a form that is not read.
pub(crate) fn check_supported(shown: &str, perf: &PerfData<'_>) -> Result<(), Failure> {
    let holds = |kind| perf.records().any(|record| record.kind == kind);
    if !holds(RecordKind::SAMPLE) && holds(RecordKind::AUXTRACE) {
        return Err(Failure::new(format!(
            "`{shown}` holds a processor trace (AUXTRACE records), which perf2pprof does not decode"
        ))
        .hint(format!(
            "`perf inject --itrace=i100us -i {shown} -o samples.perf` turns the trace into samples"
        )));
    }
    Ok(())
}

/// A recording of nothing.
pub(crate) fn no_samples(shown: &str, perf: &PerfData<'_>) -> Failure {
    let failure = Failure::new(format!("`{shown}` holds no samples"));
    let command = perf.features().command_line.as_ref();
    match command.map(|words| words.join(" ")) {
        Some(command) if command.contains("stat") => {
            failure.hint("`perf stat` counts; `perf record -F 49 -g -p PID` takes samples")
        }
        _ => failure.hint(
            "the process may have been idle: record it under load, or check its pid; in a container Envoy is often `-p 1`",
        ),
    }
}

/// The recording lacks what it is to be selected by.
pub(crate) fn not_selectable(shown: &str, error: &SelectionError) -> Failure {
    match error {
        SelectionError::UnknownEvent { asked, known } => {
            let known: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
            Failure::new(format!("`{shown}` has no event `{asked}`"))
                .hint(format!("its events are {}", known.join(", ")))
        }
        SelectionError::NotRecorded { option, record_with } => {
            Failure::new(format!("the samples of `{shown}` do not state what {option} selects by"))
                .hint(format!("`perf record {record_with}` records it"))
        }
    }
}

/// Recordings of which one counted something else.
pub(crate) fn events_differ(first: &str, other: &str, error: &EventMismatch) -> Failure {
    Failure::new(format!("`{other}` cannot be added to `{first}`: {error}"))
        .hint("`--event NAME` takes one event that both have; otherwise convert them one by one")
}

/// A recording with samples, all of them left out.
pub(crate) fn nothing_selected(
    shown: &str,
    selection: &Selection,
    left_out: &[LeftOut],
) -> Failure {
    let samples: u64 = left_out.iter().map(|left_out| left_out.value.count).sum();
    Failure::new(format!("`{selection}` selects none of the {samples} samples of `{shown}`"))
        .hint("names are compared as a whole; `pprof -tags` on a profile of everything lists those of processes and threads")
}

/// What would name more of the frames.
pub(crate) fn for_symbols(
    recording: &Path,
    profile: &Profile,
    symbolized: &Symbolized,
    weights: &[Weights],
) -> Vec<String> {
    let mut hints = for_binaries(recording, profile, symbolized, weights);
    hints.extend(for_kernel(profile, symbolized, weights));
    hints
}

/// The same, and what would make stacks whole; what costs least comes first.
pub(crate) fn for_everything(
    recording: &Path,
    profile: &Profile,
    symbolized: &Symbolized,
    weights: &[Weights],
    stacks: &StackHealth,
) -> Vec<String> {
    // A file to copy, an image to fetch, a recording to make anew.
    let mut hints: Vec<_> = for_kernel(profile, symbolized, weights).into_iter().collect();
    hints.extend(for_binaries(recording, profile, symbolized, weights));
    hints.extend(for_stacks(profile, stacks));
    hints
}

/// What would make stacks whole.
fn for_stacks(profile: &Profile, stacks: &StackHealth) -> Option<String> {
    if stacks.without_callers > 0.9 {
        return Some("`perf record -g` records callers; nearly no sample here has one".to_owned());
    }
    let early = percent(stacks.end_early);
    if stacks.not_judged > 0.5 {
        Some(format!(
            "whether stacks reach the start of their thread is seen by the names of libc and of the program, which {} of the weight lacks: `--sysroot DIR` with the recorded machine's /usr/lib has libc's",
            percent(stacks.not_judged)
        ))
    } else if stacks.end_early < 0.1 {
        None
    } else if profile.recording.is_unwound {
        Some(format!(
            "`perf record --call-graph dwarf,32768` dumps more of each stack: {early} of the weight does not reach the start of its thread"
        ))
    } else {
        Some(format!(
            "`perf record --call-graph dwarf,16384` needs no frame pointers: with them {early} of the weight does not reach the start of its thread"
        ))
    }
}

pub(crate) fn is_unnamed(report: &BinaryReport, weights: &[Weights]) -> bool {
    let weights = &weights[report.binary.index()];
    // A few per cent without names are no reason to fetch a gigabyte.
    weights.frames > 0 && weights.named_share() < 0.5
}

/// What would name the code of files.
fn for_binaries(
    recording: &Path,
    profile: &Profile,
    symbolized: &Symbolized,
    weights: &[Weights],
) -> Vec<String> {
    let subcommand = if profile.recording.is_imported { " symbolize" } else { "" };
    let command = format!("perf2pprof{subcommand} {}", recording.display());
    let unnamed = symbolized.binaries.iter().filter(|report| is_unnamed(report, weights));
    unnamed.filter_map(|report| for_binary(&command, profile, report)).collect()
}

/// What would name the code of a file, by running a command with another option.
pub(crate) fn for_binary(
    command: &str,
    profile: &Profile,
    report: &BinaryReport,
) -> Option<String> {
    let binary = &profile.binaries[report.binary];
    let path = &profile.strings[binary.path];
    let is_main = profile.main_binary == Some(report.binary);
    if binary.kind == BinaryKind::File && envoy::is_envoy(base_name(path)) {
        let written = || envoy::version_of(&report.used.as_ref()?.image);
        let version = binary.build_id.and_then(envoy::release_of).or_else(written);
        Some(envoy::hint(path, binary.build_id, version, command))
    } else if is_main && report.refused.is_empty() {
        Some(format!(
            "`--debug-image PATH` names the functions of `{path}`: its unstripped build, or a directory with it"
        ))
    } else {
        None
    }
}

/// A symbol pack is of one binary, and there are several.
pub(crate) fn several_binaries(found: &[Match]) -> Failure {
    let failure = Failure::new(format!("there are {} binaries, and a pack is of one", found.len()));
    let paths = found.iter().take(8).map(|found| format!("`{}`", found.image.path().display()));
    failure.hint(format!("name one: {}", paths.collect::<Vec<_>>().join(", ")))
}

/// A file that knows no function.
pub(crate) fn nothing_to_pack(path: &Path) -> Failure {
    Failure::new(format!("`{}` has neither symbols nor function boundaries", path.display()))
        .hint("pack the unstripped build, or the file that its debug package installs")
}

/// A debug file states nothing true about where the code lies in the file that is recorded.
pub(crate) fn no_code_to_pack(path: &Path) -> Failure {
    let shown = path.display();
    Failure::new(format!(
        "`{shown}` has no code, and so cannot tell where its functions lie in the binary"
    ))
    .hint(format!("give the stripped binary too: `perf2pprof symbols pack {shown} BINARY -o FILE`"))
}

/// A pack of half of what there was would be taken for all of it.
pub(crate) fn cannot_pack_dwarf(path: &Path, error: &str) -> Failure {
    Failure::new(format!("the debug info of `{}` is damaged: {error}", path.display()))
        .hint("copy it again from where it was made")
}

/// Nothing that was given is of the recording.
pub(crate) fn fits_nothing(given: &str, recording: &Path, refused: &[Refused]) -> Failure {
    let failure = Failure::new(format!("{given} fits no binary of `{}`", recording.display()));
    match refused.first() {
        Some(refused) => failure.hint(format!("`{}`: {}", refused.path.display(), refused.refusal)),
        None => failure,
    }
}

/// What would name the kernel's.
fn for_kernel(profile: &Profile, symbolized: &Symbolized, weights: &[Weights]) -> Option<String> {
    let is_kernel = |report: &&BinaryReport| {
        profile.binaries[report.binary].kind == BinaryKind::Kernel
            && report.frames.unnamed.contains_key(&Reason::NoFile)
            && is_unnamed(report, weights)
    };
    symbolized.binaries.iter().find(is_kernel).map(|_| {
        "`sudo cat /proc/kallsyms > kallsyms` on the recorded machine, before it reboots, and `--kallsyms kallsyms` name the kernel's functions".to_owned()
    })
}

/// A profile cannot be opened.
pub(crate) fn cannot_open_profile(path: &Path, error: &io::Error) -> Failure {
    Failure::new(format!("cannot open `{}`: {}", path.display(), reason(error)))
}

/// What was given in place of a profile is none.
pub(crate) fn not_a_profile(shown: &str, error: &pprof_format::Error) -> Failure {
    Failure::new(format!("`{shown}` cannot be read as a pprof profile: {error}"))
        .hint(format!("a recording of perf is converted, with its names, by `perf2pprof {shown}`"))
}

/// Bytes that decode, and say nothing.
pub(crate) fn no_profile(shown: &str) -> Failure {
    Failure::new(format!("`{shown}` is no pprof profile: it does not say what it counts"))
        .hint("pass the file that `pprof -proto`, perf_to_profile or perf2pprof wrote")
}

/// The profile would be replaced by the named one.
pub(crate) fn overwrites_profile(path: &Path) -> Failure {
    Failure::new(format!("`{}` is the profile itself, and would be overwritten", path.display()))
        .hint("`-o FILE` names another file")
}

/// A file cannot be added to those before it.
pub(crate) fn cannot_merge(first: &Path, path: &Path, error: &pprof_format::MergeError) -> Failure {
    use pprof_format::MergeError;
    let failure = Failure::new(format!("cannot add `{}`: {error}", path.display()));
    match error {
        MergeError::Unreadable(_) | MergeError::Dangling(_) => {
            failure.hint("is it a whole pprof profile? Copy it again from where it was made")
        }
        _ => failure.hint(format!(
            "merge what was recorded with one `perf record -e EVENT`, as `{}` was",
            first.display()
        )),
    }
}

/// What reads a file ended early.
pub(crate) fn no_answer(path: &Path) -> Failure {
    Failure::new(format!("cannot read `{}`: reading it ended early", path.display()))
        .hint("`--threads 1` reads one file after another")
}

/// A snapshot of Envoy's counters cannot be read.
pub(crate) fn cannot_open_snapshot(path: &Path, error: &io::Error) -> Failure {
    Failure::new(format!("cannot open `{}`: {}", path.display(), reason(error)))
        .hint("`curl -s localhost:9901/stats > before.txt` asks Envoy's admin interface for it")
}

/// It is something else.
pub(crate) fn not_a_snapshot(path: &Path, error: &envoy_stats::NoSnapshot) -> Failure {
    Failure::new(format!("`{}` is no snapshot of Envoy's counters: {error}", path.display()))
        .hint("`curl -s localhost:9901/stats > before.txt` asks Envoy's admin interface for it")
}

/// What is beside a snapshot is something else.
pub(crate) fn not_server_info(path: &Path, error: envoy_stats::NoServerInfo) -> Failure {
    Failure::new(format!("cannot use `{}`: {error}", path.display())).hint(format!(
        "`curl -s localhost:9901/server_info > {}` asks for it again",
        path.display()
    ))
}

/// A snapshot was taken of another Envoy.
pub(crate) fn snapshot_of_other_build(
    path: &Path,
    commit: &str,
    recording: &str,
    build_id: &str,
) -> Failure {
    Failure::new(format!(
        "`{}` is of another build than `{recording}`: {commit}, not {build_id}",
        path.display()
    ))
    .hint("ask the Envoy that is recorded for its `/stats` and `/server_info`")
}

/// The snapshots were taken while the recording ran.
pub(crate) fn snapshots_within(
    before: &Path,
    after: &Path,
    recording: &str,
    apart: f64,
    seconds: f64,
) -> Failure {
    Failure::new(format!(
        "`{}` and `{}` are at most {apart:.0} s apart, and `{recording}` was recorded for {seconds:.1} s",
        before.display(),
        after.display()
    ))
    .hint("take one before `perf record` begins and one after it ended")
}

/// Two snapshots do not tell how much was counted.
pub(crate) fn no_count(before: &Path, after: &Path, refusal: &envoy_stats::Refusal) -> Failure {
    use envoy_stats::Refusal;
    let failure = Failure::new(format!(
        "cannot count by `{}` and `{}`: {refusal}",
        before.display(),
        after.display()
    ));
    match refusal {
        Refusal::OtherForm => failure.hint("take both from the same address: `/stats`, or `/stats/prometheus`"),
        Refusal::Restarted | Refusal::OtherBuild(..) | Refusal::Fell { .. } => {
            failure.hint("record again, with both snapshots of one process and no `/reset_counters` between")
        }
        Refusal::Missing { similar, .. } if !similar.is_empty() => {
            let names: Vec<_> = similar.iter().map(|name| format!("`{name}`")).collect();
            failure.hint(format!("there is {}", names.join(", ")))
        }
        Refusal::Missing { .. } => failure.hint(
            "`--per COUNTER` takes any name that the snapshot has; `--relative-to second` needs none",
        ),
        Refusal::Nothing(_) => failure.hint("was there any load while it was recorded?"),
    }
}

fn unknown_format(shown: &str, start: &[u8]) -> Failure {
    let is_not = |what: &str| Failure::new(format!("`{shown}` is {what}, not a perf.data file"));
    match start {
        [0x1f, 0x8b, ..] if shown.ends_with(".pb.gz") => is_not("compressed with gzip")
            .hint(format!("this looks like a pprof profile, which needs no conversion: `pprof -http=: {shown}`")),
        [0x1f, 0x8b, ..] => {
            is_not("compressed with gzip").hint(format!("`gunzip -c {shown} | perf2pprof -`"))
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            is_not("compressed with zstd").hint(format!("`zstd -dc {shown} | perf2pprof -`"))
        }
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => {
            is_not("compressed with xz").hint(format!("`xz -dc {shown} | perf2pprof -`"))
        }
        [0x7f, b'E', b'L', b'F', ..] => is_not("an ELF binary").hint(format!(
            "pass the recording first and the binary as its symbols: `perf2pprof envoy.perf --debug-image {shown}`"
        )),
        _ => {
            let expected = format!(
                "`{shown}` is not a perf.data file: it starts with {}, not \"PERFILE2\"",
                quoted_start(start)
            );
            if looks_like_perf_script(start) {
                Failure::new(expected).hint(
                    "this looks like the output of `perf script`; pass the perf.data file it came from",
                )
            } else {
                Failure::new(expected).hint("pass the file that `perf record -o FILE` wrote")
            }
        }
    }
}

/// The first bytes, as text if they are.
fn quoted_start(start: &[u8]) -> String {
    let start = &start[..start.len().min(8)];
    match std::str::from_utf8(start) {
        Ok(text) if !text.chars().any(|c| c.is_control() && !c.is_whitespace()) => {
            format!("{text:?}")
        }
        _ => {
            let bytes: Vec<_> = start.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("the bytes {}", bytes.join(" "))
        }
    }
}

/// `swapper     0 [001]  1234.567890:   20408163 cpu-clock:`, a line of `perf script`.
fn looks_like_perf_script(start: &[u8]) -> bool {
    let text = String::from_utf8_lossy(start);
    let is_time = |word: &str| {
        let seconds = word.strip_suffix(':').unwrap_or_default();
        seconds.contains('.') && seconds.chars().all(|c| c.is_ascii_digit() || c == '.')
    };
    text.lines()
        .find(|line| !line.starts_with('#') && !line.is_empty())
        .is_some_and(|line| line.split_whitespace().any(is_time))
}

/// The error in the words of the user, without numbers of the operating system.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
        io::ErrorKind::NotADirectory => "a part of its path is not a directory".to_owned(),
        io::ErrorKind::StorageFull => "no space left on the disk".to_owned(),
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only".to_owned(),
        _ => error.to_string().to_lowercase(),
    }
}
