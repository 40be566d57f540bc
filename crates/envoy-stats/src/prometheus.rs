//! `/stats/prometheus`: `# TYPE name counter` before lines like `name{label="value"} 12`.

use std::collections::{HashMap, HashSet};

use crate::NoSnapshot;

/// Counters, and of the gauges the ones that tell of restarts; other gauges fall as they like.
pub(crate) fn values(content: &str) -> Result<HashMap<String, u64>, NoSnapshot> {
    let mut counters = HashSet::from(["envoy_server_hot_restart_epoch"]);
    let mut values = HashMap::new();
    for (index, line) in content.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        if let Some(comment) = line.strip_prefix('#') {
            let mut words = comment.split_whitespace();
            if let (Some("TYPE"), Some(name), Some("counter")) =
                (words.next(), words.next(), words.next())
            {
                counters.insert(name);
            }
            continue;
        }
        let no_counter = || NoSnapshot::Line(index + 1);
        let (series, value) = line.trim_end().rsplit_once(' ').ok_or_else(no_counter)?;
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        if !labels.ends_with('}') || value.parse::<f64>().is_err() {
            return Err(no_counter());
        }
        if let Some(value) = value.parse().ok().filter(|_| counters.contains(name)) {
            values.insert(format!("{name}{{{labels}"), value);
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_keep_their_labels() {
        let content = "# TYPE envoy_rq counter\nenvoy_rq{p=\"a b\"} 4\nenvoy_rq{} 5\n\
            # TYPE envoy_active gauge\nenvoy_active{} 1\n# TYPE envoy_ms histogram\n\
            envoy_ms_bucket{le=\"+Inf\"} 1\nenvoy_ms_sum{} 0.5\n";
        let expected = [("envoy_rq{p=\"a b\"}".to_owned(), 4), ("envoy_rq{}".to_owned(), 5)];
        assert_eq!(values(content), Ok(HashMap::from(expected)));
    }

    #[test]
    fn other_text_is_refused_by_its_line() {
        assert_eq!(values("# TYPE a counter\nnonsense\n"), Err(NoSnapshot::Line(2)));
    }
}
