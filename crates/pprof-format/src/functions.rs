//! Functions: those of the symbols, and those that stand for places without a name.

use profile::{Frame, Id, Profile, Symbols, Table};

use crate::strings::Strings;

/// The functions that locations use, numbered from 1 in the order of first use.
#[derive(Debug)]
pub(crate) struct Functions<'a> {
    symbols: &'a Symbols,
    rows: Table<Function>,
    /// By function of the symbols: its number, or 0 if none was asked for yet.
    ids: Vec<u64>,
}

/// A function; texts are indices of the string table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Function {
    pub(crate) name: i64,
    pub(crate) system_name: i64,
    pub(crate) filename: i64,
    pub(crate) start_line: i64,
}

impl<'a> Functions<'a> {
    pub(crate) fn of(symbols: &'a Symbols) -> Self {
        Self { symbols, rows: Table::new(), ids: vec![0; symbols.functions.len()] }
    }

    /// The number of a function that has a name.
    pub(crate) fn named(&mut self, id: Id<profile::Function>, strings: &mut Strings<'a>) -> u64 {
        let known = self.ids[id.index()];
        if known != 0 {
            return known;
        }
        let symbols = self.symbols;
        let function = symbols.functions[id];
        let name = symbols.text(function.name);
        let system_name = match symbols.text(function.system_name) {
            same if same == name && !is_linker_name(same) => "",
            other => other,
        };
        let new = self.add(Function {
            name: strings.index(name),
            system_name: strings.index(system_name),
            filename: strings.index(symbols.text(function.filename)),
            start_line: i64::from(function.start_line),
        });
        self.ids[id.index()] = new;
        new
    }

    /// The number of the function that stands for a frame without a name. Frames that are shown
    /// alike have the same one.
    pub(crate) fn placeholder(
        &mut self,
        profile: &'a Profile,
        frame: Id<Frame>,
        strings: &mut Strings<'a>,
    ) -> u64 {
        let name = strings.index(self.symbols.placeholder(profile, frame));
        self.add(Function { name, system_name: 0, filename: 0, start_line: 0 })
    }

    fn add(&mut self, function: Function) -> u64 {
        self.rows.intern(function).index() as u64 + 1
    }

    /// Every function with its number.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (u64, &Function)> {
        self.rows.iter().map(|(id, function)| (id.index() as u64 + 1, function))
    }
}

/// Whether pprof may take the name for one that is still to be demangled, which it does wherever
/// the two names are the same. It knows no answer but to cut all brackets then, and would make
/// `::f` of `(anonymous namespace)::f`, which debug information without a linker name gives.
fn is_linker_name(name: &str) -> bool {
    !name.contains(['(', '<', '['])
}
