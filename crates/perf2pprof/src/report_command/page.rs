//! The page: what stands on it, and in which order.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use profile::Profile;

use crate::lens_command::report::Report;
use crate::lens_command::text::notes;
use crate::message::{Warning, base_name};
use crate::report_command::graph::Graph;
use crate::report_command::style::CSS;
use crate::report_command::tables;
use crate::report_command::top::Top;
use crate::summary::percent;

/// All that is on the page. What comes from a file is text here, and is escaped where it is put in.
pub(crate) struct Page<'a> {
    pub(crate) file: &'a str,
    pub(crate) profile: &'a Profile,
    pub(crate) lens: &'a Report,
    pub(crate) missing: Missing,
    pub(crate) warnings: &'a [Warning],
    pub(crate) hints: &'a [String],
    /// The heat map, of a recording.
    pub(crate) heat: Option<&'a str>,
    /// The slices that stand out, in words.
    pub(crate) outliers: Vec<String>,
    pub(crate) top: Top,
    pub(crate) graph: Option<Graph>,
    /// The command that made the page.
    pub(crate) command: String,
}

/// What is not in the numbers, or not known of them. Shares are of the weight.
pub(crate) struct Missing {
    /// Of the weight of all frames, without a name.
    pub(crate) unnamed: f64,
    /// Of the weight of all frames, without a line.
    pub(crate) without_lines: f64,
    pub(crate) lost: u64,
    pub(crate) unreadable: u64,
    pub(crate) broken: f64,
    pub(crate) truncated: f64,
}

impl Page<'_> {
    /// The page as HTML.
    pub(crate) fn html(&self) -> String {
        let name = base_name(self.file);
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="generator" content=(format!("perf2pprof {}", env!("CARGO_PKG_VERSION")));
                    // Whatever the recording says, the page asks nothing of a network.
                    meta http-equiv="Content-Security-Policy"
                        content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; frame-src 'self' about:";
                    title { (name) ": where the time went" }
                    style { (PreEscaped(CSS)) }
                }
                body {
                    header {
                        h1 { (name) ": where the time went" }
                        nav aria-label="sections" { ul {
                            @for (id, title) in self.sections() { li { a href=(format!("#{id}")) { (title) } } }
                        } }
                    }
                    main {
                        (self.summary())
                        section #where { h2 { "Where in Envoy" } (tables::subsystems(self.lens)) (self.notes()) }
                        section #workers { h2 { "Workers and other threads" } (tables::threads(self.lens)) }
                        @if let Some(heat) = self.heat {
                            section #when {
                                h2 { "When" }
                                figure.wide style="margin:0" tabindex="0" role="group" aria-label="heat map" { (PreEscaped(heat)) }
                                @if self.outliers.is_empty() {
                                    p { "No slice differs from what is around it beyond noise." }
                                } @else {
                                    p { "Unlike what is around them, beyond noise:" }
                                    ol { @for told in &self.outliers { li { (told) } } }
                                }
                            }
                        }
                        section #functions { h2 { "Functions" } (tables::functions(&self.top)) }
                        section #flamegraph { h2 { "Flame graph" } (self.flamegraph()) }
                        section #made { h2 { "How it was made" } (self.made()) }
                    }
                }
            }
        }
        .into_string()
    }

    fn sections(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let all = [
            ("summary", "Summary"),
            ("where", "Where"),
            ("workers", "Workers"),
            ("when", "When"),
            ("functions", "Functions"),
            ("flamegraph", "Flame graph"),
            ("made", "How it was made"),
        ];
        let has_heat = self.heat.is_some();
        all.into_iter().filter(move |(id, _)| *id != "when" || has_heat)
    }

    fn summary(&self) -> Markup {
        let Report { event, samples, unit, weight, duration_seconds, .. } = self.lens;
        #[expect(clippy::cast_precision_loss, reason = "for people, who read three digits")]
        let weight = match *unit {
            "nanoseconds" => format!("{:.2} s of CPU time", *weight as f64 / 1e9),
            _ => format!("{weight} in all"),
        };
        let recording = &self.profile.recording;
        let host = [&recording.hostname, &recording.arch, &recording.os_release];
        let host: Vec<&str> = host.into_iter().flatten().map(String::as_str).collect();
        html! {
            section #summary {
                h2 { "Summary" }
                dl {
                    dt { "Recording" } dd { code { (self.file) } }
                    dt { "Counted" } dd { (event) ": " (samples) " samples, " (weight)
                        @if let Some(seconds) = duration_seconds { " in " (format!("{seconds:.1}")) " s" } }
                    @if !host.is_empty() { dt { "Host" } dd { (host.join(", ")) } }
                    @if let Some(top) = self.lens.subsystems.first() {
                        dt { "Most in" } dd { (top.part.name) ", " (percent(top.part.share)) }
                    }
                    dt { "Missing" } dd { (self.missing.told()) }
                }
                @for warning in self.warnings {
                    div.warn { strong { "Warning: " } (prose(&warning.message))
                        @for detail in &warning.details { br; (prose(detail)) }
                    }
                }
                @if !self.hints.is_empty() {
                    p { "What would tell more:" }
                    ul { @for hint in self.hints { li { (hint_text(hint)) } } }
                }
            }
        }
    }

    fn notes(&self) -> Markup {
        html! { ul { @for note in notes(self.lens) { li { (prose(note.trim_start())) } } } }
    }

    fn flamegraph(&self) -> Markup {
        let Some(graph) = &self.graph else {
            return html! { p { "Left out: it would make the page larger than 5 MB." } };
        };
        html! {
            p {
                "Click a function to see it as wide as the picture; “Search” at its top right marks names. "
                @if graph.is_reduced {
                    "Functions of less than " (graph.narrowest)
                    " of the weight are left out, so that the page has less than 5 MB."
                }
            }
            iframe title="flame graph" srcdoc=(graph.document) {}
        }
    }

    fn made(&self) -> Markup {
        let recording = &self.profile.recording;
        html! {
            dl {
                dt { "By" } dd { "perf2pprof " (env!("CARGO_PKG_VERSION")) }
                @if let Some(version) = &recording.perf_version { dt { "Recorded by" } dd { "perf " (version) } }
            }
            @if let Some(command) = &recording.command_line {
                p { "The recording:" }
                pre { (command.join(" ")) }
            }
            p { "This page:" }
            pre { (self.command) }
            @if !self.profile.comments.is_empty() {
                p { "What travels with the profile:" }
                ul { @for comment in &self.profile.comments { li { code { (comment) } } } }
            }
        }
    }
}

/// A hint: its text, and the command in it.
fn hint_text(hint: &str) -> Markup {
    match hint.split_once("\n  ") {
        Some((text, command)) => html! { (prose(text)) pre { (command) } },
        None => prose(hint),
    }
}

/// A message, in which what stands between backticks is code.
fn prose(text: &str) -> Markup {
    html! {
        @for (number, part) in text.split('`').enumerate() {
            @if number % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

impl Missing {
    fn told(&self) -> String {
        let mut told = vec![
            format!("no names for {} of the weight of all frames", percent(self.unnamed)),
            format!("no line numbers for {}", percent(self.without_lines)),
        ];
        let counts = [
            (self.lost, "samples that perf could not keep up with"),
            (self.unreadable, "samples that cannot be read"),
        ];
        told.extend(
            counts
                .iter()
                .filter(|(count, _)| *count > 0)
                .map(|(count, what)| format!("{count} {what}")),
        );
        let shares = [
            (self.broken, "of the weight has stacks cut at a caller outside of every mapping"),
            (self.truncated, "of the weight has stacks deeper than what was dumped"),
        ];
        let cut = shares.iter().filter(|(share, _)| *share > 0.0);
        told.extend(cut.map(|(share, what)| format!("{} {what}", percent(*share))));
        told.join("; ")
    }
}
