//! What Envoy had counted at one time.

use std::collections::HashMap;

use crate::{json, prometheus, text};

/// How the names of counters are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As Envoy calls them: `http.ingress.downstream_rq_total`. Text and JSON.
    Plain,
    /// With tags taken out: `envoy_http_downstream_rq_total{envoy_http_conn_manager_prefix="ingress"}`.
    Prometheus,
}

/// It is no answer of `/stats`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSnapshot {
    /// There is nothing.
    #[error("it is empty")]
    Empty,
    /// It is not text.
    #[error("it is not text")]
    NotText,
    /// A line is none of Envoy's.
    #[error("line {0} has no counter of Envoy's")]
    Line(usize),
    /// It begins as JSON does.
    #[error("it is not the JSON of `/stats`")]
    Json,
}

/// What Envoy had counted at one time.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// How its names are written.
    pub form: Form,
    /// Counters and gauges by name; in Prometheus' form with the labels.
    pub(crate) values: HashMap<String, u64>,
}

impl Snapshot {
    /// Reads what `/stats`, `/stats?format=json` or `/stats/prometheus` answered, with or without
    /// `usedonly`. Histograms are passed over.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoSnapshot> {
        let content = str::from_utf8(bytes).map_err(|_| NoSnapshot::NotText)?;
        let content = content.trim_start_matches('\u{feff}').trim_start();
        let first = content.lines().next().ok_or(NoSnapshot::Empty)?;
        let (form, values) = if content.starts_with('{') {
            (Form::Plain, json::values(content)?)
        } else if first.starts_with('#') || first.starts_with("envoy_") {
            (Form::Prometheus, prometheus::values(content)?)
        } else {
            (Form::Plain, text::values(content)?)
        };
        if values.is_empty() {
            return Err(NoSnapshot::Empty);
        }
        Ok(Self { form, values })
    }

    /// The value of a counter; 0 if it is not there, since `usedonly` leaves out what never counted.
    pub fn value(&self, name: &str) -> u64 {
        self.values.get(name).copied().unwrap_or(0)
    }

    /// How often Envoy was restarted while it ran, if it says so.
    pub(crate) fn restart_epoch(&self) -> Option<u64> {
        let name = match self.form {
            Form::Plain => "server.hot_restart_epoch",
            Form::Prometheus => "envoy_server_hot_restart_epoch{}",
        };
        self.values.get(name).copied()
    }
}
