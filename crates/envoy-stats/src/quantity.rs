//! What can be counted, and which counters tell of each event once.

use std::fmt;

use crate::Form;

/// What the cost is set in relation to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Requests of clients, the admin interface's left out.
    Requests,
    /// Connections of clients, of listeners of every kind but the admin interface's.
    Connections,
    /// TLS handshakes with clients.
    Handshakes,
    /// Bytes from and to clients, by HTTP and by the TCP proxy.
    Bytes,
    /// A counter by its name, as the snapshot has it.
    Counter(String),
}

impl std::str::FromStr for Quantity {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "requests" => Self::Requests,
            "connections" => Self::Connections,
            "handshakes" => Self::Handshakes,
            "bytes" => Self::Bytes,
            counter => Self::Counter(counter.to_owned()),
        })
    }
}

impl fmt::Display for Quantity {
    /// The counters, as Envoy calls them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Requests => "http.*.downstream_rq_total",
            Self::Connections => "listener.*.downstream_cx_total",
            Self::Handshakes => "listener.*.ssl.handshake",
            Self::Bytes => "http.*.downstream_cx_rx_bytes_total",
            Self::Counter(name) => name,
        })
    }
}

impl Quantity {
    /// One of it.
    pub fn singular(&self) -> &'static str {
        match self {
            Self::Requests => "request",
            Self::Connections => "connection",
            Self::Handshakes => "handshake",
            Self::Bytes => "byte",
            Self::Counter(_) => "count",
        }
    }

    /// Whether a series is a part of the sum.
    pub(crate) fn has(&self, form: Form, series: &str) -> bool {
        match form {
            Form::Plain => self.has_plain(series),
            Form::Prometheus => self.has_prometheus(series),
        }
    }

    fn has_plain(&self, name: &str) -> bool {
        /// What stands between the first word and the last ones.
        fn middle<'a>(name: &'a str, first: &str, last: &str) -> Option<&'a str> {
            name.strip_prefix(first)?.strip_suffix(last)
        }
        let of_clients = |first: &str, last: &str| {
            middle(name, first, last)
                .is_some_and(|prefix| prefix != "admin" && !prefix.contains(".user_agent."))
        };
        let of_listener = |last: &str| {
            middle(name, "listener.", last).is_some_and(|address| {
                // Each worker counts again what its listener counts.
                let is_part = address.rsplit('.').next().is_some_and(is_thread);
                address != "admin" && !address.starts_with("admin.") && !is_part
            })
        };
        match self {
            Self::Requests => of_clients("http.", ".downstream_rq_total"),
            Self::Connections => of_listener(".downstream_cx_total"),
            Self::Handshakes => of_listener(".ssl.handshake"),
            Self::Bytes => ["http.", "tcp."].iter().any(|first| {
                of_clients(first, ".downstream_cx_rx_bytes_total")
                    || of_clients(first, ".downstream_cx_tx_bytes_total")
            }),
            Self::Counter(counter) => name == counter,
        }
    }

    fn has_prometheus(&self, series: &str) -> bool {
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let is_admin = labels.contains("envoy_http_conn_manager_prefix=\"admin\"");
        match self {
            Self::Requests => name == "envoy_http_downstream_rq_total" && !is_admin,
            Self::Connections => name == "envoy_listener_downstream_cx_total",
            Self::Handshakes => name == "envoy_listener_ssl_handshake",
            Self::Bytes => {
                let bytes = ["rx", "tx"].iter().any(|way| {
                    let of = |kind: &str| format!("envoy_{kind}_downstream_cx_{way}_bytes_total");
                    name == of("http") || name == of("tcp")
                });
                bytes && !is_admin
            }
            Self::Counter(counter) => counter == name || counter == series,
        }
    }
}

fn is_thread(word: &str) -> bool {
    let is_worker = |number: &str| number.chars().all(|digit| digit.is_ascii_digit());
    word == "main_thread" || word.strip_prefix("worker_").is_some_and(is_worker)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_counted_once() {
        let plain = |name| Quantity::Requests.has(Form::Plain, name);
        assert!(plain("http.ingress.downstream_rq_total"));
        assert!(plain("http.my.prefix.downstream_rq_total"));
        for again in [
            "http.admin.downstream_rq_total",
            "http.ingress.user_agent.ios.downstream_rq_total",
            "listener.0.0.0.0_80.http.ingress.downstream_rq_total",
            "http.ingress.downstream_rq_completed",
            "cluster.up.upstream_rq_total",
        ] {
            assert!(!plain(again), "{again}");
        }
    }

    #[test]
    fn workers_count_again_what_listeners_count() {
        let has = |name| Quantity::Connections.has(Form::Plain, name);
        assert!(has("listener.127.0.0.1_80.downstream_cx_total"));
        assert!(!has("listener.127.0.0.1_80.worker_12.downstream_cx_total"));
        assert!(!has("listener.admin.downstream_cx_total"));
        assert!(!has("listener.admin.main_thread.downstream_cx_total"));
    }

    #[test]
    fn a_counter_of_prometheus_is_one_series_or_all() {
        let has = |counter: &str, series| {
            Quantity::Counter(counter.to_owned()).has(Form::Prometheus, series)
        };
        assert!(has("envoy_a", "envoy_a{x=\"1\"}"));
        assert!(has("envoy_a{x=\"1\"}", "envoy_a{x=\"1\"}"));
        assert!(!has("envoy_a{x=\"2\"}", "envoy_a{x=\"1\"}"));
    }
}
