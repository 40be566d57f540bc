//! The answers as labels of samples.

use profile::{Id, Label, LabelSet, LabelValue, Profile, SampleKey, Samples, Table};
use rustc_hash::FxHashMap;

use crate::patterns::Lens;
use crate::roles::Thread;
use crate::tags::{Tag, Tags};

/// Adds the labels `subsystem`, `work`, `filter` and `direction` to all samples, and `thread_role` to those whose
/// thread is labelled. All but the last are a function of the stack and split no sample; and that one is a function
/// of labels that are there.
pub fn add_labels(lens: &Lens, tags: &Tags, profile: &mut Profile) {
    let mut labels = Labels::new(lens, tags, profile);
    let before = profile.samples.len();
    let mut samples = Samples::with_capacity(before);
    for (key, value) in profile.samples.iter() {
        let labels = labels.with(tags.id_of(key.stack), key.labels);
        samples.add(SampleKey { labels, ..*key }, value);
    }
    debug_assert_eq!(before, samples.len(), "blocks refer to rows by their numbers");
    profile.labels = labels.sets;
    profile.samples = samples;
}

/// Sets of labels, old ones with those of an answer.
struct Labels {
    sets: Table<LabelSet>,
    known: FxHashMap<(Id<Tag>, Id<LabelSet>), Id<LabelSet>>,
    /// By answer.
    of_tags: Vec<Vec<Label>>,
    /// By set of the profile, as far as its thread is labelled.
    roles: Vec<Option<Label>>,
}

impl Labels {
    fn new(lens: &Lens, tags: &Tags, profile: &mut Profile) -> Self {
        let roles: Vec<Option<String>> = profile
            .labels
            .iter()
            .map(|(_, set)| thread(profile, set).map(|thread| lens.role(&thread).text().to_owned()))
            .collect();
        let strings = &mut profile.strings;
        let mut label = |key: &str, text: &str| {
            let value = LabelValue::Text(strings.intern_ref(text));
            Label { key: strings.intern_ref(key), value }
        };
        let roles = roles.iter().map(|role| role.as_deref().map(|role| label("thread_role", role)));
        let roles = roles.collect();
        let of_tag = |(_, tag): (_, &Tag)| {
            let mut labels =
                vec![label("subsystem", tags.subsystem(tag)), label("work", tags.text(tag.work))];
            labels.extend(tag.filter.map(|filter| label("filter", tags.text(filter))));
            labels.extend(tag.direction.map(|way| label("direction", tags.text(way))));
            labels
        };
        let of_tags = tags.iter().map(of_tag).collect();
        Self { sets: profile.labels.clone(), known: FxHashMap::default(), of_tags, roles }
    }

    fn with(&mut self, tag: Id<Tag>, set: Id<LabelSet>) -> Id<LabelSet> {
        if let Some(known) = self.known.get(&(tag, set)) {
            return *known;
        }
        let added = self.roles[set.index()].iter().chain(&self.of_tags[tag.index()]);
        let is_own =
            |label: &&Label| self.of_tags[tag.index()].iter().all(|own| own.key != label.key);
        // One made before, by a profile that is looked at again, gives way.
        let kept = self.sets[set].iter().filter(is_own);
        let kept =
            kept.filter(|label| self.roles[set.index()].is_none_or(|own| own.key != label.key));
        let labels: LabelSet = kept.chain(added).copied().collect();
        let new = self.sets.intern(labels);
        self.known.insert((tag, set), new);
        new
    }
}

/// The thread that labels tell of.
fn thread<'p>(profile: &'p Profile, labels: &[Label]) -> Option<Thread<'p>> {
    let text = |key: &str| {
        labels.iter().find_map(|label| match label.value {
            LabelValue::Text(text) if profile.strings[label.key] == key => {
                Some(profile.strings[text].as_str())
            }
            _ => None,
        })
    };
    let number = |key: &str| {
        labels.iter().find_map(|label| match label.value {
            LabelValue::Number(number, _) if profile.strings[label.key] == key => Some(number),
            _ => None,
        })
    };
    let ids = number("pid").zip(number("tid"));
    Some(Thread { name: text("thread_comm")?, ids })
}
