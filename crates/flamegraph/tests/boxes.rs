//! Pictures of trees of boxes, as an XML parser reads them.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use flamegraph::{FlameBox, Heading, Picture, Shade, Shift, draw};
use proptest::prelude::*;

/// The title, the width and the colour of each box.
fn drawn(boxes: &[FlameBox<'_>], details: &str) -> Vec<(String, u64, String)> {
    let picture = Picture { title: "a & <b>", heading: Heading::Legend("pp"), boxes };
    let mut image = Vec::new();
    draw(&picture, |_| details.to_owned(), &mut image).unwrap();
    let text = String::from_utf8(image).unwrap();
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    let document = roxmltree::Document::parse_with_options(&text, options).unwrap();
    let boxes = document.descendants().filter(|node| node.has_tag_name("g"));
    boxes
        .map(|group| {
            let child = |name: &str| group.children().find(|node| node.tag_name().name() == name);
            let rect = child("rect").unwrap();
            let width = rect.attributes().find(|of| of.name() == "w").unwrap().value();
            let title = child("title").unwrap().text().unwrap().to_owned();
            (title, width.parse().unwrap(), rect.attribute("fill").unwrap().to_owned())
        })
        .collect()
}

fn flame_box(caller: usize, name: &str, weight: u64) -> FlameBox<'_> {
    FlameBox { caller, name, weight, shift: Some(Shift::None) }
}

#[test]
fn boxes_have_their_names_widths_and_colours() {
    let mut boxes = [
        flame_box(0, "all", 100),
        flame_box(0, "b", 40),
        flame_box(0, "a<T&>", 60),
        flame_box(1, "a 7", 30),
    ];
    boxes[2].shift = Some(Shift::Dearer(Shade::Dark));
    boxes[3].shift = Some(Shift::Cheaper(Shade::Light));
    let row = |title: &str, width, fill: &str| (title.to_owned(), width, fill.to_owned());
    let wanted = [
        row("a 7 (1%\n2%)", 30, "rgb(160,180,255)"),
        row("a<T&> (1%\n2%)", 60, "rgb(225,115,20)"),
        row("all (1%\n2%)", 100, "rgb(222,222,222)"),
        row("b (1%\n2%)", 40, "rgb(222,222,222)"),
    ];
    let mut drawn = drawn(&boxes, "1%\n2%");
    drawn.sort();
    assert_eq!(drawn, wanted);
}

#[test]
fn the_legend_has_a_square_for_each_colour() {
    let boxes = [flame_box(0, "all", 1), flame_box(0, "a", 1)];
    let picture = Picture { title: "", heading: Heading::Legend("pp"), boxes: &boxes };
    let mut image = Vec::new();
    draw(&picture, |_| String::new(), &mut image).unwrap();
    assert_eq!(String::from_utf8(image).unwrap().matches('\u{25a0}').count(), 7);
}

#[test]
fn without_weight_there_is_a_picture_that_says_so() {
    assert!(drawn(&[], "").is_empty());
    assert!(drawn(&[flame_box(0, "all", 0)], "").is_empty());
}

proptest! {
    /// Whatever is in the names: each box is there, once.
    #[test]
    fn any_names_can_be_drawn(names in prop::collection::vec("(\\PC|[ ;#0-9.\n\0<&\"(]){0,8}", 1..12)) {
        let mut boxes = vec![flame_box(0, "all", names.len() as u64 * 10)];
        boxes.extend(names.iter().enumerate().map(|(index, name)| {
            // Each below the one before it, and 10 lighter.
            flame_box(index, name, (names.len() - index) as u64 * 10)
        }));
        let mut widths: Vec<u64> = drawn(&boxes, "1%").iter().map(|(_, width, _)| *width).collect();
        widths.sort_unstable_by_key(|width| std::cmp::Reverse(*width));
        prop_assert_eq!(widths, boxes.iter().map(|of| of.weight).collect::<Vec<_>>());
    }
}
