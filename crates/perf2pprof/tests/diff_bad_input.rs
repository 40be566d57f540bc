//! What `perf2pprof diff` says of inputs that it cannot compare, or not well: the arguments, the exit status, and
//! the whole message.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::Command;

use pprof_format::{encode, proto};

/// A profile of functions that are 1,000 samples each in `/bin/PROGRAM`, of which some have names.
fn profile(program: &str, build_id: &str, event: &str, functions: &[&str]) -> Vec<u8> {
    let mut texts: Vec<String> = ["", "count", "nanoseconds"].map(str::to_owned).to_vec();
    let mut text = |text: &str| {
        texts.push(text.to_owned());
        i64::try_from(texts.len()).unwrap() - 1
    };
    let (counts, weights) = (text(&format!("{event}_sample")), text(&format!("{event}_event")));
    let mapping = proto::Mapping {
        id: 1,
        memory_start: 0x1000,
        memory_limit: 0x9000,
        filename: text(&format!("/bin/{program}")),
        build_id: text(build_id),
        ..Default::default()
    };
    let mut profile = proto::Profile {
        sample_type: vec![
            proto::ValueType { r#type: counts, unit: 1 },
            proto::ValueType { r#type: weights, unit: 2 },
        ],
        mapping: vec![mapping],
        duration_nanos: 60_000_000_000,
        ..Default::default()
    };
    for (id, name) in (1..).zip(functions) {
        let named = !name.is_empty();
        let line = named.then_some(proto::Line { function_id: id, ..Default::default() });
        profile.location.push(proto::Location {
            id,
            mapping_id: 1,
            address: 0x1000 + id,
            line: line.into_iter().collect(),
            ..Default::default()
        });
        let name = text(name);
        profile.function.push(proto::Function {
            id,
            name,
            system_name: name,
            ..Default::default()
        });
        let value = vec![1_000, 1_000_000_000];
        profile.sample.push(proto::Sample { location_id: vec![id], value, ..Default::default() });
    }
    profile.string_table = texts;
    encode(&profile)
}

const COUNTED: &str = "http.h1.downstream_rq_total: ";

fn write_inputs(directory: &Path) {
    let file = |name: &str, bytes: &[u8]| fs::write(directory.join(name), bytes).unwrap();
    let old = "1111111111111111111111111111111111111111";
    let new = "2222222222222222222222222222222222222222";
    file("envoy", &profile("envoy", old, "cpu-clock", &["main", "decode", "encode"]));
    file("next", &profile("envoy", new, "cpu-clock", &["main", "decode", "encode"]));
    file("static", &profile("envoy-static", new, "cpu-clock", &["main", "decode", "route"]));
    file("nginx", &profile("nginx", old, "cpu-clock", &["ngx_main", "ngx_http_read"]));
    file("stripped", &profile("proxy", new, "cpu-clock", &["", ""]));
    file("cycles", &profile("envoy", old, "cycles", &["main"]));
    file("one.folded", b"main;decode 9000\n");
    file("two.folded", b"start;route 9000\n");
    file("slow.folded", b"main;decode 4000\nmain;new 5000\n");
    file("idle.folded", b"main 0\n");
    file("empty", b"");
    file("text", b"some notes\n");
    file("broken.toml", b"[[allow]]\nfunction = \n");
    file("lacking.toml", b"[[allow]]\nfunction = \"new\"\nuntil = 2027-01-01\n");
    file("misspelt.toml", b"[[alow]]\nfunction = \"new\"\n");
    file(
        "expired.toml",
        b"[[allow]]\nfunction = \"new\"\nreason = \"a trial\"\nuntil = 2020-01-01\n",
    );
    let snapshot = |requests: u64| format!("{COUNTED}{requests}\nserver.uptime: 100\n");
    file("0.txt", snapshot(0).as_bytes());
    file("100.txt", snapshot(100).as_bytes());
    file("42.txt", snapshot(42).as_bytes());
    let info = |version: &str, uptime: u32| {
        format!(
            r#"{{"version": "{version}/1.40.0/Clean", "uptime_current_epoch": "{uptime}s", "uptime_all_epochs": "{uptime}s"}}"#
        )
    };
    for (name, requests, uptime) in [("young", 100, 300), ("younger", 900, 20)] {
        file(&format!("{name}.txt"), snapshot(requests).as_bytes());
        file(&format!("{name}.server_info.json"), info(old, uptime).as_bytes());
    }
}

/// The rows: arguments, status, standard error.
const ROWS: &[(&str, i32, &str)] = &[
    // The command line
    (
        "",
        2,
        "error: nothing is given for what is before\n\
         hint: `perf2pprof diff BASE... -- HEAD...`, or `--base FILE`\n",
    ),
    (
        "envoy next",
        2,
        "error: nothing is given for what is now\n\
         hint: `perf2pprof diff BASE... -- HEAD...`, or `--head FILE`\n",
    ),
    (
        "envoy -- next --json x.json",
        2,
        "error: `--json` stands behind `--`, among the files\n\
         hint: options go before the files: `perf2pprof diff OPTIONS BASE... -- HEAD...`\n",
    ),
    (
        "--json - --markdown - envoy -- next",
        2,
        "error: only one output can go to standard output\n",
    ),
    ("- -- -", 2, "error: only one input can come from standard input\n"),
    (
        "--max-regression 2% envoy -- next",
        2,
        "error: all shares together are always 100 %, before and now\n\
         hint: `--relative-to second` lets `--max-regression` compare the cost, and `--base-stats` \
         with `--head-stats` that of a request\n",
    ),
    (
        "--relative-to second one.folded -- one.folded",
        1,
        "warning: `one.folded` is on both sides, and does not differ from itself\n\
         error: `one.folded` does not say how long it was recorded\n\
         hint: without `--relative-to second` and `--base-stats`, shares of the total are compared\n",
    ),
    // Files
    ("none -- envoy", 1, "error: cannot open `none`: no such file or directory\n"),
    (
        "empty -- envoy",
        1,
        "error: `empty` is empty\nhint: was it still being written when it was copied?\n",
    ),
    (
        "text -- envoy",
        1,
        "error: `text` is no recording, no pprof profile and no folded stacks: not a profile.proto message\n\
         hint: each line of folded stacks is like `main;run;read 12`, as `perf2pprof --folded FILE` \
         writes them\n",
    ),
    (
        "idle.folded -- one.folded",
        1,
        "error: `idle.folded` has no sample to compare\n\
         hint: was the program under load while it was recorded?\n",
    ),
    (
        "--out-dir text envoy -- next",
        1,
        "error: cannot make the directory `text`: it is a file\n\
         hint: `--out-dir DIR` names another one\n",
    ),
    // What does not go together
    (
        "envoy -- cycles",
        1,
        "error: not all files have an event in common: `envoy` has cpu-clock; `cycles` has cycles\n\
         hint: record both sides with the same `perf record -e EVENT`\n",
    ),
    (
        "--event cycles envoy -- next",
        1,
        "error: not all files have the event `cycles` in common: `envoy` has cpu-clock; `next` has \
         cpu-clock\nhint: record both sides with the same `perf record -e EVENT`\n",
    ),
    (
        "one.folded -- two.folded",
        1,
        "error: `one.folded` and `two.folded` have no function in common\n\
         hint: compare recordings of one program, with names on both sides\n",
    ),
    (
        "envoy -- nginx",
        1,
        "error: `envoy` is a recording of `envoy` and `nginx` is one of `nginx`, and no function of the one is \
         in the other\n\
         hint: compare recordings of one program; two builds of it may differ in everything but its functions\n",
    ),
    ("envoy -- next", 0, ""),
    (
        "envoy -- static",
        0,
        "warning: `envoy` is a recording of `envoy` and `static` is one of `envoy-static`: 2 functions \
         are in both, and all others look new or gone\n",
    ),
    (
        "stripped -- envoy",
        0,
        "warning: in `stripped`, 100.0% of the weight of all frames has no name\n\
         hint: `--debug-image PATH` names the functions of `/bin/proxy`: its unstripped build, or a directory with \
         it\n\
         warning: `stripped` is a recording of `proxy` and `envoy` is one of `envoy`, and their functions have no \
         names to tell by\n\
         hint: if that is one program, `--debug-image PATH`, given for each of the builds, names its functions\n",
    ),
    ("envoy -- envoy", 0, "warning: `envoy` is on both sides, and does not differ from itself\n"),
    (
        "envoy envoy -- next",
        0,
        "warning: `envoy` is given twice on one side, and counts twice\n  \
         what it shows looks surer than it is\n\
         hint: several files of a side are repeated runs: record again for each\n",
    ),
    // What Envoy counted
    (
        "--base-stats 0.txt,100.txt --head-stats 0.txt,0.txt envoy -- next",
        1,
        "error: cannot count by `0.txt` and `0.txt`: `http.*.downstream_rq_total` did not grow between the \
         snapshots\nhint: was there any load while it was recorded?\n",
    ),
    (
        "--base-stats 0.txt,100.txt --head-stats 100.txt,42.txt envoy -- next",
        1,
        "error: cannot count by `100.txt` and `42.txt`: ",
    ),
    (
        "--base-stats young.txt,younger.txt --head-stats 0.txt,100.txt envoy -- next",
        1,
        "error: cannot count by `young.txt` and `younger.txt`: Envoy was restarted between the snapshots",
    ),
    (
        "--base-stats text,100.txt --head-stats 0.txt,100.txt envoy -- next",
        1,
        "error: `text` is no snapshot of Envoy's counters: ",
    ),
    // The policy
    (
        "--policy none.toml envoy -- next",
        1,
        "error: cannot open `none.toml`: no such file or directory\n",
    ),
    ("--policy broken.toml envoy -- next", 1, "error: `broken.toml` is no policy: line 2: "),
    (
        "--policy lacking.toml envoy -- next",
        1,
        "error: `lacking.toml` is no policy: line 1: missing field `reason`\n\
         hint: a `[[budget]]` has `function` and `grow`, an `[[allow]]` `function`, `reason` and `until`, \
         a `[[rename]]` `from`, `to` and `reason`\n",
    ),
    (
        "--policy misspelt.toml envoy -- next",
        1,
        "error: `misspelt.toml` is no policy: line 1: unknown field `alow`, expected one of `budget`, `allow`, `rename`\n\
         hint: a `[[budget]]` has `function` and `grow`, an `[[allow]]` `function`, `reason` and `until`, \
         a `[[rename]]` `from`, `to` and `reason`\n",
    ),
    ("--policy expired.toml --fail-on regression one.folded -- slow.folded", 3, ""),
    ("--fail-on regression --want 0.01pp envoy -- next", 4, ""),
];

#[test]
fn each_gets_its_message_and_its_status() {
    let directory = tempfile::tempdir().unwrap();
    write_inputs(directory.path());
    let mut wrong = Vec::new();
    for (arguments, status, message) in ROWS {
        let output = Command::new(env!("CARGO_BIN_EXE_perf2pprof"))
            .current_dir(directory.path())
            .env_remove("DEBUGINFOD_URLS")
            .arg("diff")
            .args(arguments.split_whitespace())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        // Where the reason is a library's, the row has the beginning.
        let is_right = if message.ends_with('\n') || message.is_empty() {
            said == **message
        } else {
            said.starts_with(message)
        };
        if output.status.code() != Some(*status) || !is_right {
            wrong.push(format!("diff {arguments}\nstatus {:?}\n{said}", output.status.code()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_allowance_that_expired_is_named() {
    let directory = tempfile::tempdir().unwrap();
    write_inputs(directory.path());
    let output = Command::new(env!("CARGO_BIN_EXE_perf2pprof"))
        .current_dir(directory.path())
        .args(["diff", "--policy", "expired.toml", "one.folded", "--", "slow.folded"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let reason = "`new` became dearer; it was allowed (a trial), and that has expired";
    assert!(text.starts_with("regression\n") && text.contains(reason), "{text}");
}
