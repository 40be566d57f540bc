//! Frames, and stacks as a prefix tree of them.

use crate::{Binary, FileOffset, Id};

/// A place in the code at which a thread was, or to which it was about to return.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Frame {
    /// The binary that holds the code.
    pub binary: Id<Binary>,
    /// How to read `offset`.
    pub kind: FrameKind,
    /// The recorded address as a place in the binary. [`Frame::lookup_offset`] is the place to
    /// look symbols up at.
    pub offset: FileOffset,
}

/// What the address of a [`Frame`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameKind {
    /// The instruction at which the thread was.
    InstructionPointer,
    /// The instruction after a call.
    ReturnAddress,
    /// No address: the frame stands for a fact about the stack, such as `[broken stack]`; its
    /// offset is the id of that text in the string table.
    Marker,
}

impl Frame {
    /// The frame that shows `text`, in the table's row 0 of binaries.
    pub fn marker(text: Id<String>) -> Self {
        Self {
            binary: Id::new(0),
            kind: FrameKind::Marker,
            offset: FileOffset(text.index() as u64),
        }
    }

    /// The text of a marker; `None` for a frame of code.
    pub fn marker_text(&self) -> Option<Id<String>> {
        match self.kind {
            FrameKind::Marker => usize::try_from(self.offset.0).ok().map(Id::new),
            FrameKind::InstructionPointer | FrameKind::ReturnAddress => None,
        }
    }

    /// An address within the instruction that was executing: for a return address that is the
    /// byte before it, the last byte of the call. The byte after may belong to the next line,
    /// or, behind a call that does not return, to the next function.
    pub fn lookup_offset(&self) -> FileOffset {
        match self.kind {
            FrameKind::ReturnAddress => FileOffset(self.offset.0.saturating_sub(1)),
            FrameKind::InstructionPointer | FrameKind::Marker => self.offset,
        }
    }
}

/// A frame and the stack that called it. A parent's id is always smaller than its child's, so
/// that a loop over the table meets every caller before its callees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stack {
    /// The calling stack; row 0, the empty stack, for the outermost frame.
    pub parent: Id<Stack>,
    /// The innermost frame.
    pub frame: Id<Frame>,
}

impl Stack {
    /// The id of the stack without a frame.
    pub const EMPTY: Id<Self> = Id::new(0);
}
