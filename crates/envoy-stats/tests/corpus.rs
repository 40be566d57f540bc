//! Answers of a real Envoy's admin interface: 79,312 requests by the count of what sent them.
#![allow(missing_docs, clippy::unwrap_used)]

use std::path::PathBuf;

use envoy_stats::{NoSnapshot, Quantity, Refusal, ServerInfo, Snapshot, count};

/// Of all requests the load generator sent these; those of the admin interface are not its own.
const REQUESTS: u64 = 79_312;

fn corpus() -> Option<PathBuf> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let directory = root.join("shared/corpus/envoy-stats");
    if !directory.is_dir() {
        eprintln!("skipped: no `{}`", directory.display());
        return None;
    }
    Some(directory)
}

fn snapshot(directory: &std::path::Path, name: &str) -> Snapshot {
    Snapshot::parse(&std::fs::read(directory.join(name)).unwrap()).unwrap()
}

#[test]
fn each_form_has_the_load_generators_count() {
    let Some(corpus) = corpus() else { return };
    for form in ["txt", "json", "prom", "usedonly.txt"] {
        let before = snapshot(&corpus, &format!("0-before.{form}"));
        let after = snapshot(&corpus, &format!("2-after.{form}"));
        let count = |of: Quantity| count(&of, (&before, None), (&after, None));
        assert_eq!(count(Quantity::Requests), Ok(REQUESTS), "{form}");
        assert_eq!(count(Quantity::Handshakes), Ok(1342), "{form}");
        // 6 + 2 + 1342 + 2 + 1, and three of the TCP proxy.
        assert_eq!(count(Quantity::Connections), Ok(1356), "{form}");
        assert!(count(Quantity::Bytes).unwrap() > 4_720_588, "{form}");
    }
}

#[test]
fn text_and_json_compare_and_prometheus_does_not() {
    let Some(corpus) = corpus() else { return };
    let before = snapshot(&corpus, "0-before.usedonly.txt");
    let after = snapshot(&corpus, "2-after.json");
    let counted = count(&Quantity::Requests, (&before, None), (&after, None));
    assert_eq!(counted, Ok(REQUESTS));
    let after = snapshot(&corpus, "2-after.prom");
    let counted = count(&Quantity::Requests, (&before, None), (&after, None));
    assert_eq!(counted, Err(Refusal::OtherForm));
}

#[test]
fn one_counter_can_be_asked_for() {
    let Some(corpus) = corpus() else { return };
    let of = |form: &str, name: &str| {
        let before = snapshot(&corpus, &format!("0-before.{form}"));
        let after = snapshot(&corpus, &format!("2-after.{form}"));
        count(&Quantity::Counter(name.to_owned()), (&before, None), (&after, None))
    };
    assert_eq!(of("txt", "http.h1.downstream_rq_total"), Ok(29_994));
    let series = r#"envoy_http_downstream_rq_total{envoy_http_conn_manager_prefix="h1"}"#;
    assert_eq!(of("prom", series), Ok(29_994));
    // The admin interface's are a part of the name without labels.
    assert_eq!(of("prom", "envoy_http_downstream_rq_total"), Ok(REQUESTS + 11));
    let Err(Refusal::Missing { similar, .. }) = of("txt", "http.h3.downstream_rq_total") else {
        unreachable!("there is no h3")
    };
    assert_eq!(similar.len(), 3);
}

#[test]
fn counters_that_were_reset_are_refused() {
    let Some(corpus) = corpus() else { return };
    let before = snapshot(&corpus, "2-after.txt");
    let after = snapshot(&corpus, "3-after-reset.txt");
    let Err(Refusal::Fell { before, after, .. }) =
        count(&Quantity::Requests, (&before, None), (&after, None))
    else {
        unreachable!("all counters fell")
    };
    assert!(after < before);
}

#[test]
fn nothing_counted_is_refused() {
    let Some(corpus) = corpus() else { return };
    let one = snapshot(&corpus, "2-after.txt");
    let counted = count(&Quantity::Requests, (&one, None), (&one, None));
    assert_eq!(counted, Err(Refusal::Nothing("http.*.downstream_rq_total".to_owned())));
}

#[test]
fn a_hot_restart_is_refused_with_and_without_server_info() {
    let Some(corpus) = corpus() else { return };
    let corpus = corpus.join("hotrestart");
    let names =
        ["0-epoch0", "1-epoch1-early", "2-epoch1-3s", "3-epoch1-parent-gone", "4-epoch1-end"];
    let all: Vec<_> = names
        .iter()
        .map(|name| {
            let info = std::fs::read_to_string(corpus.join(format!("{name}.info"))).unwrap();
            // They were noted as Python prints a dictionary, with the epoch behind it.
            let (info, _) = info.rsplit_once(' ').unwrap();
            let info = ServerInfo::parse(info.replace('\'', "\"").as_bytes()).unwrap();
            (snapshot(&corpus, &format!("{name}.txt")), info)
        })
        .collect();
    let requests = |before: usize, after: usize, has_info: bool| {
        let side = |index: usize| (&all[index].0, has_info.then_some(&all[index].1));
        count(&Quantity::Requests, side(before), side(after))
    };
    for after in 1..5 {
        assert_eq!(requests(0, after, true), Err(Refusal::Restarted), "{after}");
        assert_eq!(requests(0, after, false), Err(Refusal::Restarted), "{after}");
    }
    // Of one process, though it replaced another: 150 less 42.
    assert_eq!(requests(1, 4, true), Ok(108));
    assert_eq!(requests(2, 3, false), Ok(108));
}

#[test]
fn uptimes_and_commit_are_read_from_server_info() {
    let Some(corpus) = corpus() else { return };
    let info = |name: &str| ServerInfo::parse(&std::fs::read(corpus.join(name)).unwrap()).unwrap();
    let (before, after) = (info("0-before.server_info.json"), info("2-after.server_info.json"));
    assert_eq!(after.commit.as_deref(), Some("9e5580933739775e8bce696a57a2e1bc99368f23"));
    assert_eq!(after.since(&before).seconds, 21);
    let other = ServerInfo { commit: Some("00".repeat(20)), ..before };
    let text = |name| snapshot(&corpus, name);
    let counted = count(
        &Quantity::Requests,
        (&text("0-before.txt"), Some(&other)),
        (&text("2-after.txt"), Some(&after)),
    );
    assert!(matches!(counted, Err(Refusal::OtherBuild(..))), "{counted:?}");
}

#[test]
fn what_is_no_snapshot_is_refused() {
    let is = |bytes: &[u8]| Snapshot::parse(bytes).unwrap_err();
    assert_eq!(is(b""), NoSnapshot::Empty);
    assert_eq!(is(b"\n\n"), NoSnapshot::Empty);
    assert_eq!(is(b"\xff\xfe"), NoSnapshot::NotText);
    assert_eq!(is(b"<html>no route</html>"), NoSnapshot::Line(1));
    assert_eq!(is(b"{\"version\": \"1\"}"), NoSnapshot::Json);
    assert_eq!(is(b"{}"), NoSnapshot::Json);
}
