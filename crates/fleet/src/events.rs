//! What a profile counts, as events: each has a weight, and often the number of its samples.
//!
//! A profile has columns. Two of them are one event where the first counts what the second weighs:
//! `cycles_sample` and `cycles_event`, `samples` and `cpu`, `alloc_objects` and `alloc_space`. Any other column is
//! an event of its own.

use pprof_format::proto;

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What it is called in tables: no two events of a profile have the same name.
    pub name: String,
    /// The column with the number of samples: its place, its type and unit.
    pub count: Option<(usize, String, String)>,
    /// The column with their weights.
    pub weight: (usize, String, String),
}

/// The events of a profile, with the names by which events are the same in all profiles.
/// The error says what is wrong with its columns.
pub fn events(profile: &proto::Profile) -> Result<Vec<Event>, String> {
    let mut types = Vec::new();
    for row in &profile.sample_type {
        let text = |index| profile.text(index).ok_or("a text is missing in it").map(str::to_owned);
        types.push((text(row.r#type)?, text(row.unit)?));
    }
    if types.is_empty() {
        return Err("what it counts is missing in it".to_owned());
    }
    normalise(&mut types);
    if let Some(twice) = (1..types.len()).find(|at| types[..*at].contains(&types[*at])) {
        let (name, unit) = &types[twice];
        return Err(format!("it counts {name} ({unit}) twice"));
    }
    Ok(paired(types))
}

/// As [`pprof_format::Merger`] does: unless two would become one, columns are called as on every host.
fn normalise(types: &mut [(String, String)]) {
    let names: Vec<_> = types.iter().map(|(name, _)| normalised(name)).collect();
    let is_twice = (1..names.len()).any(|at| names[..at].contains(&names[at]));
    if !is_twice {
        types.iter_mut().zip(names).for_each(|(row, name)| row.0 = name);
    }
}

/// `cycles_event` for `cycles:ppp_event`.
pub fn normalised(name: &str) -> String {
    let end = ["_sample", "_event"].into_iter().find(|end| name.ends_with(end)).unwrap_or("");
    format!("{}{end}", session::event_name(&name[..name.len() - end.len()]))
}

fn paired(types: Vec<(String, String)>) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    let mut columns = types.into_iter().enumerate().peekable();
    while let Some((at, (name, unit))) = columns.next() {
        let weight = columns.next_if(|(_, weight)| is_pair((&name, &unit), (&weight.0, &weight.1)));
        let (count, weight) = match weight {
            Some((next, (weight, of))) => (Some((at, name, unit)), (next, weight, of)),
            None => (None, (at, name, unit)),
        };
        let name = weight.1.strip_suffix("_event").unwrap_or(&weight.1);
        let is_taken = events.iter().any(|event| event.name == name);
        let name = if is_taken { format!("{} ({})", weight.1, weight.2) } else { name.to_owned() };
        events.push(Event { name, count, weight });
    }
    events
}

fn is_pair(count: (&str, &str), weight: (&str, &str)) -> bool {
    let is_ours = count
        .0
        .strip_suffix("_sample")
        .is_some_and(|event| weight.0.strip_suffix("_event").is_some_and(|other| other == event));
    is_ours || (count.1 == "count" && weight.1 != "count")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(types: &[(&str, &str)]) -> Vec<(String, bool)> {
        let mut profile =
            proto::Profile { string_table: vec![String::new()], ..Default::default() };
        for (name, unit) in types {
            let at = i64::try_from(profile.string_table.len()).unwrap();
            profile.string_table.extend([(*name).to_owned(), (*unit).to_owned()]);
            profile.sample_type.push(proto::ValueType { r#type: at, unit: at + 1 });
        }
        let events = events(&profile).unwrap();
        events.into_iter().map(|event| (event.name, event.count.is_some())).collect()
    }

    #[test]
    fn columns_of_all_tools_are_events() {
        let ours = [("cycles:ppp_sample", "count"), ("cycles:ppp_event", "count")];
        assert_eq!(named(&ours), [("cycles".to_owned(), true)]);
        assert_eq!(
            named(&[("samples", "count"), ("cpu", "nanoseconds")]),
            [("cpu".to_owned(), true)]
        );
        assert_eq!(
            named(&[
                ("alloc_objects", "count"),
                ("alloc_space", "bytes"),
                ("inuse_objects", "count"),
                ("inuse_space", "bytes")
            ]),
            [("alloc_space".to_owned(), true), ("inuse_space".to_owned(), true)]
        );
        assert_eq!(named(&[("goroutine", "count")]), [("goroutine".to_owned(), false)]);
    }

    #[test]
    fn two_events_stay_two() {
        let two = [
            ("cycles:u_sample", "count"),
            ("cycles:u_event", "count"),
            ("cycles:k_sample", "count"),
            ("cycles:k_event", "count"),
        ];
        let names: Vec<_> = named(&two).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), 2);
        assert_ne!(names[0], names[1]);
    }
}
