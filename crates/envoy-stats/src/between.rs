//! What was counted between two snapshots, or why that cannot be said.

use crate::{Form, Quantity, ServerInfo, Snapshot};

/// Why the difference of two snapshots means nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// One is for Prometheus, where counters have other names.
    #[error("one snapshot has Envoy's names, the other those for Prometheus")]
    OtherForm,
    /// Envoy was restarted, hot or not.
    #[error("Envoy was restarted between the snapshots")]
    Restarted,
    /// Each is of another build.
    #[error("the snapshots are of two builds, {0} and {1}")]
    OtherBuild(String, String),
    /// Counters only grow.
    #[error("`{name}` fell from {before} to {after}: the counters were reset, or Envoy restarted")]
    Fell {
        /// Which.
        name: String,
        /// What it was.
        before: u64,
        /// What it is.
        after: u64,
    },
    /// No counter is a part of the sum.
    #[error("there is no counter `{counter}`")]
    Missing {
        /// The name.
        counter: String,
        /// Counters with names like it.
        similar: Vec<String>,
    },
    /// Nothing happened.
    #[error("`{0}` did not grow between the snapshots")]
    Nothing(String),
}

/// How much of something was counted between two snapshots, each with `/server_info` if that was kept.
pub fn count(
    quantity: &Quantity,
    (before, info_before): (&Snapshot, Option<&ServerInfo>),
    (after, info_after): (&Snapshot, Option<&ServerInfo>),
) -> Result<u64, Refusal> {
    if before.form != after.form {
        return Err(Refusal::OtherForm);
    }
    if let Some((before, after)) = info_before.zip(info_after) {
        if let Some((one, other)) = before.commit.as_ref().zip(after.commit.as_ref())
            && one != other
        {
            return Err(Refusal::OtherBuild(one.clone(), other.clone()));
        }
        if after.is_restarted_since(before) {
            return Err(Refusal::Restarted);
        }
    }
    // `usedonly` leaves out the epoch 0.
    if before.restart_epoch().unwrap_or(0) != after.restart_epoch().unwrap_or(0) {
        return Err(Refusal::Restarted);
    }
    if let Some(fallen) = fallen(quantity, before, after) {
        return Err(fallen);
    }
    let parts = || after.values.iter().filter(|(name, _)| quantity.has(after.form, name));
    if parts().next().is_none() {
        return Err(missing(quantity, after));
    }
    let grown = parts().map(|(name, value)| value.saturating_sub(before.value(name)));
    match grown.fold(0, u64::saturating_add) {
        0 => Err(Refusal::Nothing(quantity.to_string())),
        sum => Ok(sum),
    }
}

/// The first counter, in the order of their names, that is less than it was.
fn fallen(quantity: &Quantity, before: &Snapshot, after: &Snapshot) -> Option<Refusal> {
    let mut names: Vec<&String> = before.values.keys().collect();
    names.sort_unstable();
    names.into_iter().find_map(|name| {
        let was = before.value(name);
        let is = after.values.get(name).copied();
        let is_part = quantity.has(before.form, name);
        // What is no part of the sum may have gone with its cluster or listener.
        let is_gone = is.is_none() && !is_part;
        let has_fallen = is.unwrap_or(0) < was && !is_gone;
        (has_fallen && (is_part || is_counter(before.form, name))).then(|| Refusal::Fell {
            name: name.clone(),
            before: was,
            after: is.unwrap_or(0),
        })
    })
}

/// Whether a number can only grow. Envoy's own names do not say that; of these it is known.
fn is_counter(form: Form, name: &str) -> bool {
    const COUNTERS: [&str; 3] = ["_cx_total", "_rq_total", "x_bytes_total"];
    match form {
        Form::Plain => COUNTERS.iter().any(|end| name.ends_with(end)),
        // Others were not read.
        Form::Prometheus => !name.starts_with("envoy_server_hot_restart_epoch"),
    }
}

fn missing(quantity: &Quantity, snapshot: &Snapshot) -> Refusal {
    let counter = quantity.to_string();
    let last = counter.rsplit(['.', '_']).find(|word| !word.contains(['}', '"']));
    let mut similar: Vec<String> = match (quantity, last) {
        (Quantity::Counter(_), Some(last)) => {
            let names = snapshot.values.keys().map(|name| name.trim_end_matches("{}"));
            let is_like = |name: &&str| name.split('{').next().is_some_and(|n| n.ends_with(last));
            names.filter(is_like).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    };
    similar.sort_unstable();
    similar.truncate(3);
    Refusal::Missing { counter, similar }
}
