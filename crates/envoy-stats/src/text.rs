//! `/stats`: a line like `http.ingress.downstream_rq_total: 12` each.

use std::collections::HashMap;

use crate::NoSnapshot;

pub(crate) fn values(content: &str) -> Result<HashMap<String, u64>, NoSnapshot> {
    let mut values = HashMap::new();
    for (index, line) in content.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        // Names can have colons in them, such as addresses of IPv6; values have none.
        let (name, value) = line.rsplit_once(": ").ok_or(NoSnapshot::Line(index + 1))?;
        if let Ok(value) = value.trim().parse() {
            values.insert(name.to_owned(), value);
        } else if !is_other_value(value) {
            return Err(NoSnapshot::Line(index + 1));
        }
    }
    Ok(values)
}

/// A histogram (`P0(nan,1) P25(nan,2)`), or a text, which stands in quotes.
fn is_other_value(value: &str) -> bool {
    value.starts_with("P0(") || value.starts_with("No recorded values") || value.starts_with('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_read_and_histograms_passed_over() {
        let content = "http.a.downstream_rq_total: 7\nlistener.[::1]_80.x: 1\n\
            a.b: P0(nan,1.0) P25(nan,2)\nc.d: No recorded values\nmain.version: \"1.2\"\n";
        let values = values(content).unwrap();
        assert_eq!(values.len(), 2);
        assert_eq!(values["http.a.downstream_rq_total"], 7);
        assert_eq!(values["listener.[::1]_80.x"], 1);
    }

    #[test]
    fn other_text_is_refused_by_its_line() {
        assert_eq!(values("a.b: 1\n<html>\n"), Err(NoSnapshot::Line(2)));
        assert_eq!(values("upstream connect error: yes\n"), Err(NoSnapshot::Line(1)));
    }
}
