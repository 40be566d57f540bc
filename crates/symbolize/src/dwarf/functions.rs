//! The functions of a unit, and the calls inlined in them, as far as they hold an address that is
//! asked for.

use gimli::{AttributeValue, EntriesRaw, UnitOffset, UnitRef, constants};

use super::Reader;
use super::ranges::{RangeAttributes, may_have_code};

/// A function or an inlined call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    /// Its entry.
    pub(crate) entry: UnitOffset,
    /// The node that it is inlined in, by its index; that comes before it.
    pub(crate) parent: Option<usize>,
}

/// A node whose children are being read.
struct Open {
    depth: isize,
    node: usize,
}

/// Tells each range of each function and inlined call, with the index that its node will have, to
/// `holds`, which says whether anything is asked about it. The nodes of those are returned.
///
/// A call is told of after what it is inlined in. That is all that orders them: in damaged DWARF, as
/// in some that compilers write, a call's range can reach beyond its parent's.
pub(crate) fn read(
    unit: UnitRef<'_, Reader<'_>>,
    mut holds: impl FnMut(u64, u64, usize) -> bool,
) -> gimli::Result<Vec<Node>> {
    let mut nodes = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut entries = unit.entries_raw(None)?;
    // The depth at which `entries` began.
    let mut base = 0;
    // The depth of the outermost function that is being read.
    let mut outermost: Option<isize> = None;
    while !entries.is_empty() {
        let depth = base + entries.next_depth();
        let entry = entries.next_offset();
        let Some(abbreviation) = entries.read_abbreviation()? else { continue };
        while open.last().is_some_and(|last| last.depth >= depth) {
            open.pop();
        }
        outermost = outermost.filter(|outermost| *outermost < depth);
        let tag = abbreviation.tag();
        let is_inlined = tag == constants::DW_TAG_inlined_subroutine;
        let is_function = is_inlined || tag == constants::DW_TAG_subprogram;
        if tag == constants::DW_TAG_subprogram {
            outermost = outermost.or(Some(depth));
        }
        let mut sibling = None;
        if is_function && may_have_code(abbreviation) {
            let attributes = RangeAttributes::read(&mut entries, abbreviation)?;
            let mut is_held = false;
            let index = nodes.len();
            attributes.each(unit, |start, end| is_held |= holds(start, end, index))?;
            if is_held {
                let parent = open.last().map(|last| last.node).filter(|_| is_inlined);
                nodes.push(Node { entry, parent });
                open.push(Open { depth, node: index });
            } else if is_inlined {
                sibling = attributes.sibling;
            }
        } else if abbreviation.has_children() && has_no_code(tag, outermost.is_some()) {
            sibling = read_sibling(&mut entries, abbreviation)?;
        } else {
            entries.skip_attributes(abbreviation.attributes())?;
        }
        if let Some(sibling) = sibling
            && abbreviation.has_children()
            && sibling > entries.next_offset().0
        {
            entries = unit.entries_raw(Some(UnitOffset(sibling)))?;
            base = depth;
        }
    }
    Ok(nodes)
}

/// Whether entries of this kind have no code below them, in the languages whose compilers state
/// where an entry's children end: GCC's. A class inside a function may: the body of a lambda stands
/// in the lambda's class, and that in its function. (rustc has functions in types everywhere, and
/// states no end of theirs.)
fn has_no_code(tag: gimli::DwTag, is_in_function: bool) -> bool {
    match tag {
        constants::DW_TAG_array_type
        | constants::DW_TAG_call_site
        | constants::DW_TAG_enumeration_type
        | constants::DW_TAG_GNU_call_site
        | constants::DW_TAG_subroutine_type => true,
        constants::DW_TAG_class_type
        | constants::DW_TAG_structure_type
        | constants::DW_TAG_union_type => !is_in_function,
        _ => false,
    }
}

/// Reads the attributes of an entry up to the one that says where its children end.
fn read_sibling(
    entries: &mut EntriesRaw<'_, Reader<'_>>,
    abbreviation: &gimli::Abbreviation,
) -> gimli::Result<Option<usize>> {
    let attributes = abbreviation.attributes();
    let is_sibling = |a: &gimli::AttributeSpecification| a.name() == constants::DW_AT_sibling;
    let Some(at) = attributes.iter().position(is_sibling) else {
        entries.skip_attributes(attributes)?;
        return Ok(None);
    };
    entries.skip_attributes(&attributes[..at])?;
    let sibling = match entries.read_attribute(attributes[at])?.value() {
        AttributeValue::UnitRef(offset) => Some(offset.0),
        _ => None,
    };
    entries.skip_attributes(&attributes[at + 1..])?;
    Ok(sibling)
}
