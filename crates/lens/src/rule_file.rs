//! The rules as they stand in their file. `docs/lens.md` explains them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use crate::rules::Class;

/// A text of the built-in rules, which stands in the program, or one of a file.
pub(crate) type Str = Cow<'static, str>;

/// The only version there is.
pub(crate) const VERSION: u32 = 1;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleFile {
    pub(crate) version: Spanned<u32>,
    /// Whether these are all rules, instead of the first ones.
    #[serde(default)]
    pub(crate) replace: bool,
    /// Namespaces that are another's copy: of a fork of Envoy.
    #[serde(default)]
    pub(crate) alias: BTreeMap<Str, Str>,
    #[serde(default)]
    pub(crate) rule: Vec<Spanned<RawRule>>,
    #[serde(default)]
    pub(crate) thread: Vec<Spanned<RawThread>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawRule {
    pub(crate) id: Str,
    pub(crate) class: Class,
    pub(crate) subsystem: Option<Str>,
    pub(crate) work: Option<Str>,
    pub(crate) filter: Option<Str>,
    pub(crate) direction: Option<Str>,
    pub(crate) implies: Option<RawImplies>,
    /// Works of inner frames that this one's stands for.
    #[serde(default)]
    pub(crate) over: Vec<Str>,
    /// Whether a stack is whole that begins with it.
    #[serde(default)]
    pub(crate) root: bool,
    #[serde(default)]
    pub(crate) kernel: bool,
    #[serde(default)]
    pub(crate) ns: Vec<Str>,
    #[serde(default)]
    pub(crate) sym: Vec<Str>,
    #[serde(default)]
    pub(crate) path: Vec<Str>,
    #[serde(default)]
    pub(crate) section: Vec<Str>,
    #[serde(default)]
    pub(crate) dso: Vec<Str>,
    #[serde(default)]
    pub(crate) ns_filter: BTreeMap<Str, Str>,
    pub(crate) ns_capture: Option<Str>,
    pub(crate) path_capture: Option<Str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawImplies {
    pub(crate) subsystem: Str,
    pub(crate) filter: Option<Str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawThread {
    pub(crate) comm: Vec<Str>,
    pub(crate) role: Str,
}
