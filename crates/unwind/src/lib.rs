//! User registers and stack bytes to callchains, long after the process is gone.
//!
//! ```text
//! pc ─> what is mapped there ─> offset in the file ─> ELF address ─> rule ─> caller's registers
//!       (asked of the session)                        (tables)       (rules)  (step)      │
//!  ^                                                                                      │
//!  └──────────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! A rule says, for one place in the code, where the caller's registers are: relative to the stack
//! pointer or the frame pointer for nearly all code, by a small program for some (`.eh_frame`, or
//! `.debug_frame`). It is looked up once per place: rules are kept by binary and file offset, and so
//! serve every process, wherever it had mapped the file.
//!
//! Rules are read and applied here, with gimli's parser below. framehop does the same and is what
//! the tests compare with, but hides what a profile has to tell: where it has no rule it follows the
//! frame pointer without a word, which drops the caller of a function that keeps none. It also keeps
//! too few registers, and reads no memory, for the rules of hand-written assembly (BoringSSL in
//! Envoy; of the stacks of openssl's benchmark it finds none, and this crate all), and lets a damaged
//! file make it loop.
//!
//! The crate opens no file: it is given verified images, and asks for each binary once. No bytes of
//! a file or a stack make it panic, and each stack has at most [`MAX_FRAMES`] frames.

mod expression;
mod index;
mod machine;
mod registers;
mod rule;
mod stack;
mod step;
mod tables;
mod unwinder;

pub use unwinder::{FindImages, MAX_FRAMES, Unwinding};
