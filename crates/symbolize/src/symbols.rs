//! The table of symbols, put together from the answers for all binaries.

use std::collections::HashMap;

use profile::{Frame, Function, Id, Line, Profile, Reason, Symbols, Unnamed};

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
    pub(crate) fn add(&mut self, group: &BinaryFrames, runs: &[Answers]) -> Outcomes {
        let mut outcomes = Outcomes::default();
        let mut frames = group.frames.iter().peekable();
        let mut first_place = 0;
        for answers in runs {
            // Ids of functions of this run to those of the table.
            let mut functions = HashMap::new();
            while let Some((frame, place)) =
                frames.next_if(|(_, place)| place - first_place < answers.len())
            {
                match answers.get(place - first_place) {
                    Some(Ok(lines)) => {
                        self.name(*frame, answers, lines, &mut functions);
                        outcomes.count_named(lines);
                    }
                    Some(Err(unnamed)) => {
                        self.symbols.leave_unnamed(*frame, unnamed);
                        outcomes.count_unnamed(unnamed.reason, 1);
                    }
                    None => {}
                }
            }
            first_place += answers.len();
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

    fn name(
        &mut self,
        frame: Id<Frame>,
        answers: &Answers,
        lines: &[FoundLine],
        functions: &mut HashMap<Id<FoundFunction>, Id<Function>>,
    ) {
        self.lines.clear();
        for line in lines {
            let function = *functions
                .entry(line.function)
                .or_insert_with(|| intern(&mut self.symbols, answers, line.function));
            self.lines.push(Line { function, line: line.line });
        }
        self.symbols.name(frame, &self.lines);
    }
}

fn intern(symbols: &mut Symbols, answers: &Answers, id: Id<FoundFunction>) -> Id<Function> {
    let found = answers.function(id);
    let function = Function {
        name: symbols.strings.intern_ref(answers.text(found.name)),
        system_name: symbols.strings.intern_ref(answers.text(found.system_name)),
        filename: symbols.strings.intern_ref(answers.text(found.filename)),
        start_line: found.start_line,
    };
    symbols.functions.intern(function)
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
