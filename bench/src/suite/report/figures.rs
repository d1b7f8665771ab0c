//! The plots of what varies.

use super::tables::COST;
use crate::suite::{
    plot::{Series, svg},
    results::{Cell, Results},
};

/// A plot.
pub(super) struct Figure {
    /// Its file.
    pub(super) name: &'static str,
    /// Whose points it has. The name of each line is the contender's, with what is told here.
    pub(super) parts: &'static [(&'static str, &'static str)],
    title: &'static str,
    x: &'static str,
    /// What is plotted, and what its line is called, if not like its contender.
    figures: &'static [(&'static str, &'static str)],
    unit: &'static str,
}

const fn figure(
    name: &'static str,
    parts: &'static [(&'static str, &'static str)],
    title: &'static str,
    x: &'static str,
) -> Figure {
    Figure {
        name,
        parts,
        title,
        x,
        figures: &[(COST, "")],
        unit: "µs",
    }
}

/// All plots.
pub(super) const FIGURES: [Figure; 8] = [
    figure(
        "bench-receivers-single.svg",
        &[("receivers-single", "")],
        "Single messages: server CPU per delivery",
        "receivers in the room",
    ),
    figure(
        "bench-receivers-burst.svg",
        &[("receivers-burst", "")],
        "Bursts: server CPU per delivery",
        "receivers in the room",
    ),
    figure(
        "bench-connections.svg",
        &[("connections", "")],
        "A room of 1,000: server CPU per delivery",
        "connections at the same server",
    ),
    figure(
        "bench-rate.svg",
        &[("rate", "")],
        "A room of 1,000: server CPU per delivery",
        "messages a second",
    ),
    figure(
        "bench-rooms.svg",
        &[("rooms", "")],
        "10,000 sockets, each in one room: server CPU per delivery",
        "rooms",
    ),
    figure(
        "bench-many-rooms.svg",
        &[("many-rooms", "")],
        "10,000 sockets, each in 1 to 100 rooms of ten: server CPU per delivery",
        "rooms",
    ),
    figure(
        "bench-edges.svg",
        &[("edges-wide", ", one room"), ("edges-small", ", rooms of ten")],
        "Edges: their CPU per delivery",
        "edges",
    ),
    Figure {
        name: "bench-history.svg",
        parts: &[("history", "")],
        title: "One room's log: half of the calls take no longer",
        x: "messages in the room",
        figures: &[
            ("newest_page_p50_ms", "newest 50"),
            ("middle_page_p50_ms", "50 in the middle"),
            ("last_changes_p50_ms", "last 1,000"),
            ("head_p50_ms", "head"),
            ("partitioned_middle_page_p50_ms", "50, in partitions"),
            ("partitioned_last_changes_p50_ms", "1,000, in partitions"),
        ],
        unit: "ms",
    },
];

/// File names and contents.
pub(in crate::suite) fn plots(results: &Results) -> Vec<(&'static str, String)> {
    let drawn = FIGURES.iter().map(|figure| (figure.name, draw(figure, results)));
    drawn.filter(|(_, plot)| !plot.is_empty()).collect()
}

fn draw(figure: &Figure, results: &Results) -> String {
    let mut series: Vec<Series> = Vec::new();
    for (part, told) in figure.parts {
        for cell in results.of(part) {
            for (of, own) in figure.figures {
                let Some(point) = point(cell, of) else { continue };
                let name = if own.is_empty() {
                    format!("{}{told}", cell.contender)
                } else {
                    (*own).to_owned()
                };
                match series.iter_mut().find(|line| line.name == name) {
                    Some(line) => line.points.push(point),
                    None => series.push(Series {
                        name,
                        points: vec![point],
                    }),
                }
            }
        }
    }
    svg(figure.title, figure.x, figure.unit, &series)
}

#[expect(clippy::cast_precision_loss, reason = "a place in a plot")]
fn point(cell: &Cell, figure: &str) -> Option<(f64, f64)> {
    Some((cell.x? as f64, cell.median(figure)?))
}
