//! The flame graph and the profile of a difference, held against the JSON of the same comparison.

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const GREY: &str = "rgb(222,222,222)";

const BASE: &str = "\
main;run;std::map<int, A&>::at 400
main;run;(anonymous namespace)::decode;copy 3000
main;run;encode;copy 2000
main;idle 4000
main;run;gone 600
";

const HEAD: &str = "\
main;run;std::map<int, A&>::at 410
main;run;(anonymous namespace)::decode;copy 4990
main;run;encode;copy 1000
main;idle 3200
main;run;fresh 400
";

/// A comparison with all its files.
struct Diff {
    directory: tempfile::TempDir,
    json: Value,
}

/// What a box says, in parts.
struct Drawn {
    name: String,
    here: String,
    everywhere: Option<String>,
    fill: String,
}

impl Diff {
    fn of(base: &str, head: &str, options: &[&str]) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let side = |name: &str, text: &str| -> Result<PathBuf> {
            let path = directory.path().join(name);
            fs::write(&path, text)?;
            Ok(path)
        };
        let (base, head) = (side("base.folded", base)?, side("head.folded", head)?);
        let output = Command::new(env!("CARGO_BIN_EXE_perf2pprof"))
            .args(["diff", "--out-dir"])
            .arg(directory.path())
            .args(options)
            .args([&base, Path::new("--"), &head])
            .output()?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let json = serde_json::from_slice(&fs::read(directory.path().join("diff.json"))?)?;
        Ok(Self { directory, json })
    }

    fn boxes(&self) -> Result<Vec<Drawn>> {
        let text = fs::read_to_string(self.directory.path().join("diff.svg"))?;
        let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
        let document = roxmltree::Document::parse_with_options(&text, options)?;
        let groups = document.descendants().filter(|node| node.has_tag_name("g"));
        groups
            .map(|group| {
                let child =
                    |name: &str| group.children().find(|node| node.tag_name().name() == name);
                let title = child("title").and_then(|title| title.text()).ok_or("no title")?;
                let fill =
                    child("rect").and_then(|rect| rect.attribute("fill")).ok_or("no fill")?;
                // As the page's script finds the name: up to the last parenthesis.
                let (name, details) = title.rsplit_once(" (").ok_or("no details")?;
                let details = details.strip_suffix(')').ok_or("no end of details")?;
                let (here, everywhere) = match details.split_once(";\neverywhere: ") {
                    Some((here, everywhere)) => (here, Some(everywhere.to_owned())),
                    None => (details, None),
                };
                let (name, here, fill) = (name.to_owned(), here.to_owned(), fill.to_owned());
                Ok(Drawn { name, here, everywhere, fill })
            })
            .collect()
    }

    fn functions(&self) -> Result<HashMap<&str, &Value>> {
        let rows = self.json["functions"].as_array().ok_or("no functions")?;
        rows.iter().map(|row| Ok((row["name"].as_str().ok_or("no name")?, row))).collect()
    }

    /// The profile: its weights by function, where it ran itself, and whether they are labelled as the base's.
    fn profile(&self) -> Result<Vec<(String, i64, bool)>> {
        let bytes = fs::read(self.directory.path().join("diff.pb.gz"))?;
        let profile = pprof_format::read(&bytes)?;
        let text = |index| profile.text(index).unwrap_or_default();
        let kinds: Vec<_> =
            profile.sample_type.iter().map(|kind| (text(kind.r#type), text(kind.unit))).collect();
        assert_eq!(kinds, [("samples", "count")]);
        let name = |id: &u64| {
            let location = profile.location.iter().find(|location| location.id == *id)?;
            let line = location.line.first()?;
            let function = profile.function.iter().find(|row| row.id == line.function_id)?;
            Some(text(function.name).to_owned())
        };
        profile
            .sample
            .iter()
            .map(|sample| {
                let leaf = sample.location_id.first().and_then(name).ok_or("no leaf")?;
                let labels: Vec<_> =
                    sample.label.iter().map(|label| (text(label.key), text(label.str))).collect();
                let is_base = labels == [("pprof::base", "true")];
                assert!(is_base || labels.is_empty(), "{labels:?}");
                Ok((leaf, sample.value[0], is_base))
            })
            .collect()
    }
}

fn percent(value: &Value) -> String {
    format!("{:.2}%", value.as_f64().unwrap_or(f64::NAN) * 100.0)
}

/// In per cent points, and no minus at a zero.
fn points(value: &Value) -> String {
    let points = value.as_f64().unwrap_or(f64::NAN) * 100.0;
    format!("{:+.2}", if points.abs() < 0.005 { 0.0 } else { points })
}

#[test]
fn the_boxes_say_what_the_json_says() -> Result {
    let diff = Diff::of(BASE, HEAD, &[])?;
    let (functions, boxes) = (diff.functions()?, diff.boxes()?);
    let mut names: Vec<_> = boxes.iter().map(|drawn| &*drawn.name).collect();
    names.sort_unstable();
    let wanted = [
        "(anonymous namespace)::decode",
        "all",
        "copy",
        "copy",
        "encode",
        "fresh",
        "idle",
        "main",
        "run",
        "std::map<int, A&>::at",
    ];
    assert_eq!(names, wanted, "nothing that is not there now is drawn");
    for drawn in boxes.iter().filter(|drawn| drawn.name != "all") {
        let total = &functions[&*drawn.name]["total"];
        let call = match total["call"].as_str() {
            Some("regressed") => "dearer",
            Some("improved") => "cheaper",
            _ => "no significant change",
        };
        let everywhere = format!(
            "before {}; now {}; {} pp [{}, {}]: {call}",
            percent(&total["base"]),
            percent(&total["head"]),
            points(&total["difference"]),
            points(&total["interval"][0]),
            points(&total["interval"][1]),
        );
        assert_eq!(drawn.everywhere.as_ref(), Some(&everywhere), "{}", drawn.name);
        if drawn.name != "copy" {
            let [base, head] = ["base", "head"].map(|side| percent(&total[side]));
            assert!(
                drawn.here.contains(&format!(", {base}; now ")),
                "{}: {}",
                drawn.name,
                drawn.here
            );
            let change = format!(", {head}; {} pp", points(&total["difference"]));
            assert!(drawn.here.ends_with(&change), "{}: {}", drawn.name, drawn.here);
        }
    }
    Ok(())
}

/// `copy` became dearer, and so is orange where it did; where it became cheaper it is grey, since nothing is
/// known of that place alone.
#[test]
fn a_box_has_the_colour_of_its_own_change() -> Result {
    let boxes = Diff::of(BASE, HEAD, &[])?.boxes()?;
    let fills = |name: &str| -> Vec<&str> {
        boxes.iter().filter(|drawn| drawn.name == name).map(|drawn| &*drawn.fill).collect()
    };
    assert_eq!(fills("(anonymous namespace)::decode"), ["rgb(225,115,20)"]);
    assert_eq!(fills("copy"), ["rgb(225,115,20)", GREY]);
    assert_eq!(fills("encode"), ["rgb(95,115,225)"]);
    assert_eq!(fills("std::map<int, A&>::at"), [GREY]);
    assert_eq!(fills("main"), [GREY]);
    Ok(())
}

#[test]
fn what_vanished_is_seen_at_the_width_of_the_base() -> Result {
    let boxes = Diff::of(BASE, HEAD, &["--width", "base"])?.boxes()?;
    let gone = boxes.iter().find(|drawn| drawn.name == "gone").ok_or("no box")?;
    assert_eq!(gone.here, "before 600.0, 6.00%; now 0.0, 0.00%; -6.00 pp");
    assert_eq!(gone.fill, "rgb(95,115,225)");
    assert!(boxes.iter().all(|drawn| drawn.name != "fresh"));
    Ok(())
}

#[test]
fn a_side_and_itself_differ_nowhere() -> Result {
    let diff = Diff::of(BASE, BASE, &[])?;
    let boxes = diff.boxes()?;
    assert_eq!(boxes.len(), 10);
    for drawn in boxes {
        assert_eq!(drawn.fill, GREY, "{}", drawn.name);
        assert!(drawn.here.ends_with("; +0.00 pp"), "{}: {}", drawn.name, drawn.here);
    }
    for (name, row) in diff.functions()? {
        for kind in ["self", "total"] {
            assert_eq!(row[kind]["difference"], 0.0, "{name}");
            assert_eq!(row[kind]["base_weight"], row[kind]["head_weight"], "{name}");
            assert_eq!(row[kind]["call"], "same", "{name}");
        }
    }
    let sum: i64 = diff.profile()?.iter().map(|(_, weight, _)| weight).sum();
    assert_eq!(sum, 0);
    Ok(())
}

#[test]
fn the_profile_is_head_less_base() -> Result {
    let diff = Diff::of(BASE, HEAD, &[])?;
    let mut own: HashMap<String, i64> = HashMap::new();
    for (leaf, weight, is_base) in diff.profile()? {
        assert_eq!(weight < 0, is_base, "{leaf}");
        *own.entry(leaf).or_default() += weight;
    }
    let wanted = [
        ("std::map<int, A&>::at", 10),
        ("copy", 990),
        ("idle", -800),
        ("gone", -600),
        ("fresh", 400),
    ];
    assert_eq!(own, wanted.map(|(name, weight)| (name.to_owned(), weight)).into());
    Ok(())
}
