//! What functions may cost, which regressions are known, and which functions were renamed: a file that lives beside the code.

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Deserialize;

use crate::diff::Points;
use crate::hints::comparison as hints;
use crate::message::Failure;

/// The budgets and allowances of a project.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Policy {
    #[serde(default)]
    pub(crate) budget: Vec<Budget>,
    #[serde(default)]
    pub(crate) allow: Vec<Allowance>,
    #[serde(default)]
    pub(crate) rename: Vec<Renamed>,
}

/// How much the functions of a pattern may grow.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Their names; `*` stands for anything.
    pub function: String,
    /// By how much the share of each may grow.
    pub grow: Points,
}

/// A regression that is known.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Allowance {
    /// The names of the functions; `*` stands for anything.
    pub(crate) function: String,
    /// Why it is allowed.
    pub(crate) reason: String,
    /// Until when, as 2026-12-31, that day included.
    pub(crate) until: Date,
}

/// A function that has another name now, and is the same.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Renamed {
    /// What it was called.
    pub(crate) from: String,
    /// What it is called.
    pub(crate) to: String,
    /// Why it is the same.
    pub(crate) reason: String,
}

/// A day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "toml::value::Datetime")]
pub(crate) struct Date {
    year: u32,
    month: u32,
    day: u32,
}

impl Policy {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let text =
            fs::read_to_string(path).map_err(|error| hints::cannot_open_policy(path, &error))?;
        toml::from_str(&text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            hints::not_a_policy(path, line, error.message())
        })
    }

    /// The allowance of a function, if it has one that has not expired; and one that has.
    pub(crate) fn allowance(&self, function: &str) -> (Option<&Allowance>, Option<&Allowance>) {
        let today = Date::today();
        let of_function = || self.allow.iter().filter(|allow| matches(&allow.function, function));
        let in_time = of_function().find(|allow| allow.until >= today);
        (in_time, of_function().find(|allow| allow.until < today))
    }
}

/// Whether a name is of a pattern in which `*` stands for anything.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    true
}

impl std::str::FromStr for Budget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no budget like `Envoy::Router::*=+1pp`");
        let (function, grow) = text.rsplit_once('=').ok_or_else(wrong)?;
        let function = function.to_owned();
        (!function.is_empty()).then_some(()).ok_or_else(wrong)?;
        Ok(Self { function, grow: grow.parse().map_err(|_| wrong())? })
    }
}

impl<'de> Deserialize<'de> for Points {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl TryFrom<toml::value::Datetime> for Date {
    type Error = String;

    fn try_from(time: toml::value::Datetime) -> Result<Self, String> {
        let date = time.date.ok_or_else(|| format!("`{time}` is no date like 2026-12-31"))?;
        Ok(Self { year: date.year.into(), month: date.month.into(), day: date.day.into() })
    }
}

impl Date {
    /// Today, in UTC.
    fn today() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::of_day(since.as_secs() / 86_400)
    }

    /// The date of so many days after 1970-01-01 (the civil calendar, by eras of 400 years from
    /// 0000-03-01).
    fn of_day(days: u64) -> Self {
        let days = u32::try_from(days).unwrap_or(u32::MAX).saturating_add(719_468);
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        Self { year: year + era * 400 + u32::from(month <= 2), month, day }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use toml::value::Datetime;

    #[test]
    fn stars_stand_for_anything() {
        assert!(matches("Envoy::Router::*", "Envoy::Router::Filter::decodeHeaders"));
        assert!(matches("*::decodeHeaders", "Envoy::Router::Filter::decodeHeaders"));
        assert!(matches("Envoy::*::decode*", "Envoy::Router::Filter::decodeHeaders"));
        assert!(matches("*", ""));
        assert!(matches("memcpy", "memcpy"));
        assert!(!matches("memcpy", "memcpy_avx"));
        assert!(!matches("a*b*c", "ab"));
        assert!(!matches("Envoy::Router::*", "Envoy::Http::x"));
    }

    #[test]
    fn days_have_their_dates() {
        let date = |text: &str| Date::try_from(text.parse::<Datetime>().unwrap()).unwrap();
        assert_eq!(Date::of_day(0), date("1970-01-01"));
        assert_eq!(Date::of_day(19_782), date("2024-02-29"));
        assert_eq!(Date::of_day(20_777), date("2026-11-20"));
        assert!(date("2026-11-20") < date("2026-12-01"));
        assert!(Date::try_from("10:00:00".parse::<Datetime>().unwrap()).is_err());
    }
}
