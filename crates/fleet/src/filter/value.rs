//! Values and answers, as SQL has them, and one that is not known yet.

use std::cmp::Ordering;

/// What a condition says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It holds.
    Yes,
    /// It does not.
    No,
    /// It can never be said: a value is missing. SQL's `NULL`.
    Null,
    /// It cannot be said yet.
    Unknown,
}

impl Answer {
    pub(super) fn of(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }

    /// Whether it may come to hold when more is known.
    pub fn is_possible(self) -> bool {
        matches!(self, Self::Yes | Self::Unknown)
    }

    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Null, _) | (_, Self::Null) => Self::Null,
            (Self::Yes, Self::Yes) => Self::Yes,
        }
    }

    pub(super) fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            other => other,
        }
    }

    pub(super) fn or(self, other: Self) -> Self {
        self.not().and(other.not()).not()
    }
}

/// A value of a column, or one that was written down.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Not known yet.
    Unknown,
    /// Missing.
    Null,
    /// A text.
    Text(String),
    /// A number.
    Number(i64),
    /// A number that need not be whole.
    Fraction(f64),
    /// Microseconds since 1970.
    Time(i64),
    /// A time between two, both included: not known more closely yet.
    Times(i64, i64),
    /// A flag.
    Flag(bool),
}

impl Value {
    pub(super) fn of_text(text: Option<&str>) -> Self {
        text.map_or(Self::Null, |text| Self::Text(text.to_owned()))
    }

    pub(super) fn of_number(number: Option<i64>) -> Self {
        number.map_or(Self::Null, Self::Number)
    }

    pub(super) fn of_fraction(number: Option<f64>) -> Self {
        number.map_or(Self::Null, Self::Fraction)
    }

    pub(super) fn of_time(time: Option<i64>) -> Self {
        time.map_or(Self::Null, Self::Time)
    }

    /// Whether the order of this value and another is one of those that `holds` likes.
    pub(super) fn compare(&self, other: &Self, holds: fn(Ordering) -> bool) -> Answer {
        let of =
            |order: Option<Ordering>| order.map_or(Answer::Null, |order| Answer::of(holds(order)));
        match (self, other) {
            (Self::Null, _) | (_, Self::Null) => Answer::Null,
            (Self::Unknown, _)
            | (_, Self::Unknown)
            | (Self::Time(_) | Self::Times(..), Self::Times(..)) => Answer::Unknown,
            (Self::Text(one), Self::Text(other)) => Answer::of(holds(one.cmp(other))),
            (Self::Number(one), Self::Number(other)) | (Self::Time(one), Self::Time(other)) => {
                Answer::of(holds(one.cmp(other)))
            }
            (Self::Flag(one), Self::Flag(other)) => Answer::of(holds(one.cmp(other))),
            (Self::Times(first, last), Self::Time(time)) => {
                let ends = (holds(first.cmp(time)), holds(last.cmp(time)));
                let holds_between = first < time && time < last && holds(Ordering::Equal);
                match ends {
                    (true, true) if first > time || last < time => Answer::Yes,
                    (false, false) if !holds_between => Answer::No,
                    _ => Answer::Unknown,
                }
            }
            #[expect(clippy::cast_precision_loss, reason = "the other number has no more")]
            (Self::Number(one), Self::Fraction(other)) => of((*one as f64).partial_cmp(other)),
            #[expect(clippy::cast_precision_loss, reason = "the other number has no more")]
            (Self::Fraction(one), Self::Number(other)) => of(one.partial_cmp(&(*other as f64))),
            (Self::Fraction(one), Self::Fraction(other)) => of(one.partial_cmp(other)),
            _ => Answer::Null,
        }
    }

    /// Whether it is missing.
    pub(super) fn is_null(&self) -> Answer {
        match self {
            Self::Unknown | Self::Times(..) => Answer::Unknown,
            Self::Null => Answer::Yes,
            _ => Answer::No,
        }
    }
}

/// Whether a text is as a pattern says, in which `%` is any text and `_` any character.
pub(super) fn is_like(text: &str, pattern: &[Wild]) -> bool {
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut next) = (0, 0);
    // Where to go on if the last `%` has to take one more character.
    let mut retry: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(next) {
            Some(Wild::Any) => {
                retry = Some((at, next + 1));
                next += 1;
            }
            Some(Wild::One) => (at, next) = (at + 1, next + 1),
            Some(Wild::Char(c)) if *c == text[at] => (at, next) = (at + 1, next + 1),
            _ => {
                let Some((from, behind)) = retry else { return false };
                (at, next) = (from + 1, behind);
                retry = Some((from + 1, behind));
            }
        }
    }
    pattern[next..].iter().all(|wild| *wild == Wild::Any)
}

/// A part of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wild {
    Any,
    One,
    Char(char),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_of_time_is_before_after_or_not_known() {
        let time = |holds| Value::Times(10, 20).compare(&Value::Time(15), holds);
        assert_eq!(time(Ordering::is_ge), Answer::Unknown);
        assert_eq!(time(Ordering::is_eq), Answer::Unknown);
        assert_eq!(time(Ordering::is_ne), Answer::Unknown);
        let early = |holds| Value::Times(10, 20).compare(&Value::Time(5), holds);
        assert_eq!(early(Ordering::is_ge), Answer::Yes);
        assert_eq!(early(Ordering::is_lt), Answer::No);
        assert_eq!(early(Ordering::is_eq), Answer::No);
        let edge = |holds| Value::Times(10, 20).compare(&Value::Time(20), holds);
        assert_eq!(edge(Ordering::is_ge), Answer::Unknown);
        assert_eq!(edge(Ordering::is_gt), Answer::No);
        assert!(edge(Ordering::is_le).is_possible());
    }

    #[test]
    fn patterns() {
        let like = |text: &str, pattern: &str| {
            let wild = |c| match c {
                '%' => Wild::Any,
                '_' => Wild::One,
                c => Wild::Char(c),
            };
            is_like(text, &pattern.chars().map(wild).collect::<Vec<_>>())
        };
        assert!(like("1.40.0", "1.40.%"));
        assert!(like("1.40.0", "%4_.%0"));
        assert!(like("", "%"));
        assert!(!like("", "_"));
        assert!(!like("1.4", "1.40%"));
        assert!(!like("abc", "ab"));
        assert!(!like(&"a".repeat(2000), &"%a".repeat(20).replace("%a", "%a%b")));
    }
}
