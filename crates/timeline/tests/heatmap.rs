//! What a heat map draws of samples that are known.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

use timeline::{Heatmap, Marked, Palette, Sample, Style, Thread};

const SECOND: u64 = 1_000_000_000;

/// Two threads of 1,000 samples a second, of which the second sleeps from second 3 until 5.
fn samples() -> Vec<Sample> {
    let of = |number: u64| {
        let (time, thread) = (number * SECOND / 1000, u32::from(number % 2 == 1));
        let is_asleep = thread == 1 && (3 * SECOND..5 * SECOND).contains(&time);
        (!is_asleep).then_some(Sample { time, thread, group: thread, count: 1, weight: 1_000_000 })
    };
    (0..10_000).filter_map(of).collect()
}

fn palette() -> Palette {
    Palette {
        names: vec!["http.filter".to_owned(), "<tls> & \"more\"".to_owned()],
        colors: vec![0, 1],
        legend: vec![
            ("http.filter".to_owned(), (250, 125, 55)),
            ("<tls> & \"more\"".to_owned(), (0, 180, 130)),
        ],
    }
}

fn threads() -> Vec<Thread> {
    let thread = |number, name: &str| Thread { number, name: name.to_owned() };
    vec![thread(0, "wrk:worker_0"), thread(1, "wrk:<worker>_1")]
}

fn titles(svg: &roxmltree::Document<'_>, class: &str) -> Vec<String> {
    let cells = svg
        .descendants()
        .filter(|node| node.attribute("class").is_some_and(|own| own.starts_with(class)));
    let title = |node: roxmltree::Node<'_, '_>| {
        node.children().find(|child| child.has_tag_name("title"))?.text().map(str::to_owned)
    };
    cells.filter_map(title).collect()
}

#[test]
fn the_picture_is_xml_whatever_things_are_called() {
    let palette = palette();
    let (samples, threads) = (samples(), threads());
    let map = Heatmap::new("<b>&", &samples, &threads, &palette, true, (0, 10 * SECOND));
    let marked = [Marked { from: SECOND, to: SECOND * 3 / 2, label: "1".to_owned() }];
    for style in [Style::File, Style::Inline] {
        let text = map.svg(&marked, style);
        let svg = roxmltree::Document::parse(&text).unwrap();
        let scripts = svg.descendants().filter(|node| node.has_tag_name("script")).count();
        assert_eq!(scripts, usize::from(style == Style::File));
        let said: Vec<_> = svg.descendants().filter_map(|node| node.text()).collect();
        assert!(said.iter().any(|text| text.starts_with("<b>&: when")));
        assert!(said.contains(&"<tls> & \"more\""));
        assert!(said.iter().any(|text| text.starts_with("wrk:<worker>_1")));
    }
}

#[test]
fn cells_have_a_colour_if_they_have_samples_enough() {
    let palette = palette();
    let (samples, threads) = (samples(), threads());
    let map = Heatmap::new("x", &samples, &threads, &palette, true, (0, 10 * SECOND));
    assert_eq!(map.cell_size().cell, 20_000_000);
    let text = map.svg(&[], Style::File);
    let svg = roxmltree::Document::parse(&text).unwrap();
    let (dots, colored) = (titles(&svg, "hm-thin"), titles(&svg, "hm-1"));
    let count = |title: &String| -> u64 {
        let samples = title.split(", ").nth(1).unwrap();
        samples.split(' ').next().unwrap().parse().unwrap()
    };
    assert!(!dots.is_empty() && dots.iter().all(|title| count(title) < 20), "{dots:?}");
    assert!(!colored.is_empty() && colored.iter().all(|title| count(title) >= 20), "{colored:?}");
    assert!(
        colored.contains(
            &"1.02-1.04 s: 20.0 ms of CPU, 20 samples; most: http.filter 50 %".to_owned()
        )
    );
}
