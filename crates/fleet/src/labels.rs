//! What is known of a recording that does not stand in it: which service, which version, which pod.
//!
//! In this order, the first that says something: `--label`, the path, the environment, the recording.

use std::collections::BTreeMap;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveDateTime};

use crate::tables::{RecordingRow, Text};

/// Labels with a column of their own.
const COLUMNS: [(&str, Text); 6] = [
    ("host", Text::Host),
    ("pod", Text::Pod),
    ("namespace", Text::Namespace),
    ("node", Text::Node),
    ("service", Text::Service),
    ("version", Text::Version),
];

/// What Kubernetes' downward API is mostly told to call things.
const ENVIRONMENT: [(&str, &str); 5] = [
    ("POD_NAME", "pod"),
    ("POD_NAMESPACE", "namespace"),
    ("NODE_NAME", "node"),
    ("SERVICE_NAME", "service"),
    ("SERVICE_VERSION", "version"),
];

/// `PERF2PPROF_LABEL_ZONE=b` is the label `zone`.
const PREFIX: &str = "PERF2PPROF_LABEL_";

/// A label of the command line, `KEY=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    key: String,
    value: String,
}

impl FromStr for Label {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) =
            text.split_once('=').ok_or_else(|| format!("`{text}` is not KEY=VALUE"))?;
        check_key(key)?;
        Ok(Self { key: key.to_owned(), value: value.to_owned() })
    }
}

fn check_key(key: &str) -> Result<(), String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if key.is_empty() || !key.chars().all(is_word) {
        return Err(format!("`{key}` is no name of a label: letters, digits and `_` make one"));
    }
    let has_column = COLUMNS.iter().any(|(name, _)| *name == key);
    if !has_column && crate::filter::is_column(key) {
        return Err(format!("`{key}` is what a recording says itself, and cannot be a label"));
    }
    Ok(())
}

/// The labels of a run, and how paths have more.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    /// By `--label`.
    given: Vec<Label>,
    template: Option<Template>,
    environment: Vec<Label>,
}

/// What a path says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OfPath {
    labels: Vec<Label>,
    /// When the recording began, in nanoseconds since 1970.
    pub start_ns: Option<i64>,
}

impl Labels {
    /// The labels of a run. `environment` has the variables.
    pub fn new(
        given: Vec<Label>,
        template: Option<Template>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Self {
        let variables: BTreeMap<_, _> =
            environment.filter(|(_, value)| !value.is_empty()).collect();
        let mut labels = Vec::new();
        for (variable, value) in &variables {
            let key = variable.strip_prefix(PREFIX).map(str::to_lowercase);
            if let Some(key) = key.filter(|key| check_key(key).is_ok()) {
                labels.push(Label { key, value: value.clone() });
            }
        }
        for (variable, key) in ENVIRONMENT {
            if let Some(value) = variables.get(variable) {
                labels.push(Label { key: key.to_owned(), value: value.clone() });
            }
        }
        Self { given, template, environment: labels }
    }

    /// What a path says. `None` if it does not look as it should.
    pub fn of_path(&self, uri: &str) -> Option<OfPath> {
        self.template
            .as_ref()
            .map_or_else(|| Some(OfPath::default()), |template| template.read(uri))
    }

    /// Labels a recording that says nothing yet but its host.
    pub fn apply(&self, of_path: &OfPath, row: &mut RecordingRow) {
        let host = row.texts[Text::Host as usize].take();
        let all = self.given.iter().chain(&of_path.labels).chain(&self.environment);
        for Label { key, value } in all {
            match COLUMNS.iter().find(|(name, _)| name == key) {
                Some((_, column)) if row.text(*column).is_none() => row.set(*column, value),
                Some(_) => {}
                None => {
                    row.labels.entry(key.clone()).or_insert_with(|| value.clone());
                }
            }
        }
        if row.text(Text::Host).is_none() {
            row.texts[Text::Host as usize] = host;
        }
    }
}

/// How the ends of paths are made: `{service}/{version}/{pod}/{time}.perf`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Vec<Piece>>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Field(String),
}

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut fields = Vec::new();
        let mut parts = Vec::new();
        for part in text.split('/') {
            let mut pieces = Vec::new();
            let mut rest = part;
            while let Some((before, behind)) = rest.split_once('{') {
                let (field, after) =
                    behind.split_once('}').ok_or_else(|| format!("`{part}` lacks a `}}`"))?;
                if field != "time" {
                    check_key(field)?;
                }
                if fields.contains(&field) {
                    return Err(format!("`{{{field}}}` stands there twice"));
                }
                if before.is_empty() && !pieces.is_empty() {
                    return Err(format!("nothing stands between two fields of `{part}`"));
                }
                fields.push(field);
                if !before.is_empty() {
                    pieces.push(Piece::Text(before.to_owned()));
                }
                pieces.push(Piece::Field(field.to_owned()));
                rest = after;
            }
            if !rest.is_empty() {
                pieces.push(Piece::Text(rest.to_owned()));
            }
            parts.push(pieces);
        }
        if fields.is_empty() {
            return Err("it has no field such as `{service}`".to_owned());
        }
        Ok(Self(parts))
    }
}

impl Template {
    fn read(&self, uri: &str) -> Option<OfPath> {
        let parts: Vec<_> = uri.split('/').collect();
        let first = parts.len().checked_sub(self.0.len())?;
        let mut found = OfPath::default();
        for (pieces, part) in self.0.iter().zip(&parts[first..]) {
            read_part(pieces, part, &mut found)?;
        }
        Some(found)
    }
}

fn read_part(pieces: &[Piece], part: &str, found: &mut OfPath) -> Option<()> {
    let mut rest = part;
    for (at, piece) in pieces.iter().enumerate() {
        let field = match piece {
            Piece::Text(text) => {
                rest = rest.strip_prefix(text.as_str())?;
                continue;
            }
            Piece::Field(field) => field,
        };
        let end = match &pieces[at + 1..] {
            // The last text of a part is its end, wherever else it stands.
            [Piece::Text(text)] => {
                rest.len().checked_sub(text.len()).filter(|end| rest.is_char_boundary(*end))?
            }
            [Piece::Text(text), ..] => rest.find(text.as_str())?,
            _ => rest.len(),
        };
        let (value, behind) = rest.split_at(end);
        if value.is_empty() {
            return None;
        }
        if field == "time" {
            found.start_ns = Some(time(value)?);
        } else {
            found.labels.push(Label { key: field.clone(), value: value.to_owned() });
        }
        rest = behind;
    }
    rest.is_empty().then_some(())
}

/// A time in nanoseconds since 1970: seconds, milliseconds, microseconds or nanoseconds since then, or a date
/// and time of UTC, however its numbers are set apart.
pub fn time(text: &str) -> Option<i64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        let number: i64 = text.parse().ok()?;
        match text.len() {
            9 | 10 => return number.checked_mul(1_000_000_000),
            13 => return number.checked_mul(1_000_000),
            16 => return number.checked_mul(1000),
            18 | 19 => return Some(number),
            _ => {}
        }
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return time.timestamp_nanos_opt();
    }
    let is_between = |c: char| matches!(c, '-' | ':' | 'T' | 'Z' | '_' | '.' | ' ');
    if !text.chars().all(|c| c.is_ascii_digit() || is_between(c)) {
        return None;
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let time = match digits.len() {
        8 => NaiveDate::parse_from_str(&digits, "%Y%m%d").ok()?.and_hms_opt(0, 0, 0)?,
        12 => NaiveDateTime::parse_from_str(&format!("{digits}00"), "%Y%m%d%H%M%S").ok()?,
        14 => NaiveDateTime::parse_from_str(&digits, "%Y%m%d%H%M%S").ok()?,
        _ => return None,
    };
    time.and_utc().timestamp_nanos_opt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_from_their_end() {
        let template: Template = "{service}/{version}/{pod}/{time}.perf".parse().unwrap();
        let labels = Labels::new(Vec::new(), Some(template), std::iter::empty());
        let of_path = labels.of_path("s3://b/x/edge/1.40.0/p-7/2026-01-02T03:04:05Z.perf").unwrap();
        assert_eq!(of_path.start_ns, Some(1_767_323_045_000_000_000));
        let mut row = RecordingRow::default();
        labels.apply(&of_path, &mut row);
        let texts = [Text::Service, Text::Version, Text::Pod].map(|text| row.text(text));
        assert_eq!(texts, [Some("edge"), Some("1.40.0"), Some("p-7")]);
        assert_eq!(labels.of_path("edge/1.40.0/p-7/noon.perf"), None);
        assert_eq!(labels.of_path("1.40.0/p-7/2026-01-02.perf"), None);
        assert_eq!(labels.of_path("edge/1/p/2026-01-02.pb.gz"), None);
    }

    #[test]
    fn the_first_to_know_labels() {
        let variables = [("POD_NAME", "p0"), ("NODE_NAME", "n0"), ("PERF2PPROF_LABEL_ZONE", "b")];
        let variables = variables.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let given = vec!["pod=p1".parse().unwrap(), "tier=gold".parse().unwrap()];
        let labels = Labels::new(given, None, variables.into_iter());
        let mut row = RecordingRow::default();
        row.set(Text::Host, "from-the-recording");
        labels.apply(&OfPath::default(), &mut row);
        let texts = [Text::Pod, Text::Node, Text::Host].map(|text| row.text(text));
        assert_eq!(texts, [Some("p1"), Some("n0"), Some("from-the-recording")]);
        assert_eq!(row.labels["zone"], "b");
        assert_eq!(row.labels["tier"], "gold");
    }

    #[test]
    fn times_are_read_as_they_are_written_in_names() {
        let second = 1_767_323_045_000_000_000;
        for text in [
            "1767323045",
            "1767323045000",
            "20260102T030405Z",
            "2026-01-02T03-04-05Z",
            "2026-01-02_03:04:05",
            "2026-01-02T04:04:05+01:00",
        ] {
            assert_eq!(time(text), Some(second), "{text}");
        }
        assert_eq!(time("2026-01-02"), Some(1_767_312_000_000_000_000));
        assert_eq!([time("noon"), time("2026-13-02"), time("")], [None; 3]);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert!("event=x".parse::<Label>().unwrap_err().contains("says itself"));
        assert!("a b=x".parse::<Label>().is_err());
        assert!("service".parse::<Label>().is_err());
        for template in ["{service}{pod}", "{pod}/{pod}", "{pod", "plain", "{digest}.perf"] {
            assert!(template.parse::<Template>().is_err(), "{template}");
        }
    }
}
