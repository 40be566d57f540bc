//! The rules as they stand in their file. `docs/lens.md` explains them.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use crate::rules::Class;

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
    pub(crate) alias: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) rule: Vec<Spanned<RawRule>>,
    #[serde(default)]
    pub(crate) thread: Vec<Spanned<RawThread>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawRule {
    pub(crate) id: String,
    pub(crate) class: Class,
    pub(crate) subsystem: Option<String>,
    pub(crate) work: Option<String>,
    pub(crate) filter: Option<String>,
    pub(crate) direction: Option<String>,
    pub(crate) implies: Option<RawImplies>,
    /// Works of inner frames that this one's stands for.
    #[serde(default)]
    pub(crate) over: Vec<String>,
    /// Whether a stack is whole that begins with it.
    #[serde(default)]
    pub(crate) root: bool,
    #[serde(default)]
    pub(crate) kernel: bool,
    #[serde(default)]
    pub(crate) ns: Vec<String>,
    #[serde(default)]
    pub(crate) sym: Vec<String>,
    #[serde(default)]
    pub(crate) path: Vec<String>,
    #[serde(default)]
    pub(crate) section: Vec<String>,
    #[serde(default)]
    pub(crate) dso: Vec<String>,
    #[serde(default)]
    pub(crate) ns_filter: BTreeMap<String, String>,
    pub(crate) ns_capture: Option<String>,
    pub(crate) path_capture: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawImplies {
    pub(crate) subsystem: String,
    pub(crate) filter: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawThread {
    pub(crate) comm: Vec<String>,
    pub(crate) role: String,
}
