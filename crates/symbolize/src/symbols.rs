//! The table of symbols, put together from the answers for all binaries.

use std::mem;

use profile::{Function, Id, Line, Profile, Reason, Symbols, Table, Unnamed};

use crate::answer::{Answers, FoundFunction, FoundLine};
use crate::frames::BinaryFrames;
use crate::report::Outcomes;

/// Collects answers and gives them the ids of one table.
pub(crate) struct SymbolsBuilder {
    symbols: Symbols,
    /// The lines of one frame, for reuse.
    lines: Vec<Line>,
}

impl SymbolsBuilder {
    pub(crate) fn new(profile: &Profile) -> Self {
        let mut symbols = Symbols::none(profile, Reason::NotAsked);
        for (id, _) in profile.frames.iter().filter(|(_, frame)| frame.marker_text().is_some()) {
            symbols.leave_unnamed(id, Unnamed { reason: Reason::Marker, function_start: None });
        }
        Self { symbols, lines: Vec::new() }
    }

    /// Adds the answers for the places of a binary, given in runs that follow each other.
    pub(crate) fn add(&mut self, group: &BinaryFrames, runs: Vec<Answers>) -> Outcomes {
        let mut outcomes = Outcomes::default();
        let mut frames = group.frames.iter().peekable();
        let mut first_place = 0;
        for answers in runs {
            let len = answers.len();
            let mut run = Run::new(answers);
            while let Some((frame, place)) = frames.next_if(|(_, place)| place - first_place < len)
            {
                match run.answers.get(place - first_place) {
                    Some(Ok(lines)) => {
                        self.lines.clear();
                        for line in lines {
                            let function =
                                run.ids.function(&mut self.symbols, &run.answers, line.function);
                            self.lines.push(Line { function, line: line.line });
                        }
                        self.symbols.name(*frame, &self.lines);
                        outcomes.count_named(lines);
                    }
                    Some(Err(unnamed)) => {
                        self.symbols.leave_unnamed(*frame, unnamed);
                        outcomes.count_unnamed(unnamed.reason, 1);
                    }
                    None => {}
                }
            }
            first_place += len;
        }
        outcomes
    }

    /// Leaves all frames of a binary without a name.
    pub(crate) fn leave_unnamed(&mut self, group: &BinaryFrames, reason: Reason) -> Outcomes {
        let unnamed = Unnamed { reason, function_start: None };
        for &(frame, _) in &group.frames {
            self.symbols.leave_unnamed(frame, unnamed);
        }
        let mut outcomes = Outcomes::default();
        outcomes.count_unnamed(reason, group.frames.len() as u64);
        outcomes
    }

    pub(crate) fn finish(self) -> Symbols {
        self.symbols
    }
}

/// Answers of one worker, and what became of their ids.
struct Run {
    answers: Answers,
    ids: Ids,
}

/// Functions and texts of a run, by their ids there: what the table of symbols calls them.
struct Ids {
    functions: Vec<Option<Id<Function>>>,
    texts: Vec<Text>,
}

/// A text, moved into the table of symbols when it is first met there.
enum Text {
    Here(String),
    Moved(Id<String>),
}

impl Run {
    fn new(mut answers: Answers) -> Self {
        let texts = answers.take_texts().into_iter().map(Text::Here).collect();
        let functions = vec![None; answers.functions()];
        Self { answers, ids: Ids { functions, texts } }
    }
}

impl Ids {
    fn function(
        &mut self,
        symbols: &mut Symbols,
        answers: &Answers,
        id: Id<FoundFunction>,
    ) -> Id<Function> {
        if let Some(function) = self.functions[id.index()] {
            return function;
        }
        let found = answers.function(id);
        let mut text = |id: Id<String>| self.texts[id.index()].id(&mut symbols.strings);
        let function = Function {
            name: text(found.name),
            system_name: text(found.system_name),
            filename: text(found.filename),
            start_line: found.start_line,
        };
        *self.functions[id.index()].insert(symbols.functions.intern(function))
    }
}

impl Text {
    fn id(&mut self, strings: &mut Table<String>) -> Id<String> {
        match self {
            Self::Moved(id) => *id,
            Self::Here(text) => {
                let id = strings.intern(mem::take(text));
                *self = Self::Moved(id);
                id
            }
        }
    }
}

impl Outcomes {
    fn count_named(&mut self, lines: &[FoundLine]) {
        if lines.iter().any(|line| line.line > 0) {
            self.with_lines += 1;
        } else {
            self.with_names += 1;
        }
    }

    fn count_unnamed(&mut self, reason: Reason, frames: u64) {
        *self.unnamed.entry(reason).or_default() += frames;
    }
}
