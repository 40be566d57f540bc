//! What is compared: an event that all files have.

use profile::{Event, Profile, Unit};

use crate::diff::load::{Content, Loaded};
use crate::message::{Failure, Warning};

/// The event that all files have, and its unit; and a warning where it is not what a file is mainly of.
pub(crate) fn common_event<'a>(
    files: impl Iterator<Item = &'a Loaded>,
    wanted: Option<&str>,
) -> Result<(String, Unit, Vec<Warning>), Failure> {
    let mut common: Option<Vec<(String, Unit)>> = None;
    let mut listed = Vec::new();
    for file in files {
        let Content::Profile(profile, _) = &file.content else { continue };
        let events: Vec<_> = sampled_events(profile);
        let names: Vec<_> = events.iter().map(|(name, _)| name.clone()).collect();
        listed.push((file.name.as_str(), names));
        common = Some(match common {
            None => events,
            Some(common) => common.into_iter().filter(|event| events.contains(event)).collect(),
        });
    }
    let Some(common) = common else {
        return Ok((String::new(), Unit::Count, Vec::new()));
    };
    let found = match wanted {
        Some(wanted) => common.into_iter().find(|(name, _)| name == wanted),
        None => common.into_iter().next(),
    };
    let Some((event, unit)) = found else {
        let listed =
            listed.iter().map(|(file, names)| format!("`{file}` has {}", names.join(", ")));
        let mut listed: Vec<_> = listed.collect();
        listed.dedup();
        let what = wanted.map_or("an event".to_owned(), |name| format!("the event `{name}`"));
        let message = format!("not all files have {what} in common: {}", listed.join("; "));
        return Err(
            Failure::new(message).hint("record both sides with the same `perf record -e EVENT`")
        );
    };
    let is_other = |(_, names): &&(&str, Vec<String>)| names.first() != Some(&event);
    let other = listed.iter().filter(|_| wanted.is_none()).find(is_other);
    let warnings = other.map(|(file, names)| {
        Warning::new(format!(
            "`{event}` is compared, which all files have; `{file}` is mainly of `{}`",
            names.first().map_or("", |name| name)
        ))
        .hint("`--event EVENT` chooses another one")
    });
    Ok((event, unit, warnings.into_iter().collect()))
}

/// The events that have samples, the default one first.
fn sampled_events(profile: &Profile) -> Vec<(String, Unit)> {
    let default = profile.default_event();
    let is_sampled = |index: usize| {
        u32::try_from(index).is_ok_and(|index| profile.samples.total(index).count > 0)
            || Some(index) == default
    };
    let mut events: Vec<(usize, &Event)> =
        profile.events.iter().enumerate().filter(|(index, _)| is_sampled(*index)).collect();
    events.sort_by_key(|(index, _)| Some(*index) != default);
    events.into_iter().map(|(_, event)| (event.name.clone(), event.unit)).collect()
}
