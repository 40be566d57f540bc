//! `/stats?format=json`: `{"stats": [{"name": ..., "value": ...}, ..., {"histograms": ...}]}`.

use std::collections::HashMap;

use serde_json::Value;

use crate::NoSnapshot;

pub(crate) fn values(content: &str) -> Result<HashMap<String, u64>, NoSnapshot> {
    let json: Value = serde_json::from_str(content).map_err(|_| NoSnapshot::Json)?;
    let stats = json.get("stats").and_then(Value::as_array).ok_or(NoSnapshot::Json)?;
    let counter = |row: &Value| {
        let name = row.get("name")?.as_str()?;
        // Text readouts have a text here, and histograms nothing.
        Some((name.to_owned(), row.get("value")?.as_u64()?))
    };
    Ok(stats.iter().filter_map(counter).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_read_and_histograms_passed_over() {
        let content = r#"{"stats":[{"name":"a.b","value":3},{"name":"v","value":"text"},
            {"histograms":{"supported_quantiles":[0]}}]}"#;
        assert_eq!(values(content), Ok(HashMap::from([("a.b".to_owned(), 3)])));
    }

    #[test]
    fn other_json_is_refused() {
        assert_eq!(values(r#"{"version": "1"}"#), Err(NoSnapshot::Json));
        assert_eq!(values(r#"{"stats":"#), Err(NoSnapshot::Json));
    }
}
