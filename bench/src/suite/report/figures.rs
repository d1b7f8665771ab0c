//! The plots of what varies.

use super::tables::{COMPARISON, GROWTH, Plot};
use crate::suite::{
    plot::{Series, svg},
    results::{Cell, Results},
};

/// File names and contents.
pub(in crate::suite) fn plots(results: &Results) -> Vec<(&'static str, String)> {
    let tables = COMPARISON.iter().chain(GROWTH);
    let drawn = tables.filter_map(|table| {
        let plot = table.plot?;
        Some((plot.file, draw(&plot, table.part, results)))
    });
    drawn.filter(|(_, plot)| !plot.is_empty()).collect()
}

fn draw(plot: &Plot, part: &str, results: &Results) -> String {
    let parts = match plot.beside {
        None => vec![(part, "")],
        Some((other, [told, of_other])) => vec![(part, told), (other, of_other)],
    };
    let mut series: Vec<Series> = Vec::new();
    for (part, told) in parts {
        for cell in results.of(part) {
            for (of, own) in plot.figures {
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
    svg(plot.title, plot.x, plot.unit, &series)
}

#[expect(clippy::cast_precision_loss, reason = "a place in a plot")]
fn point(cell: &Cell, figure: &str) -> Option<(f64, f64)> {
    Some((cell.x? as f64, cell.median(figure)?))
}
