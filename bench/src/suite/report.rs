//! RESULTS.md and the plots.

mod figures;
mod tables;

use std::fmt::Write;

use super::{
    marks,
    results::{Cell, Circumstances, Results},
};
pub(super) use figures::plots;
use tables::{Column, Table};

/// All of it, for people.
pub(super) fn markdown(results: &Results) -> String {
    let mut out = "# Results\n\nHow it is measured: [README.md](README.md).\n".to_owned();
    if let Some(plan) = results.plans.get("comparison") {
        circumstances(&mut out, "make bench", plan);
        table_of_marks(&mut out, results);
        for table in &tables::COMPARISON {
            section(&mut out, results, table);
        }
    }
    if let Some(plan) = results.plans.get("growth") {
        out.push_str("\n# Growth, and what is switched on for it\n");
        circumstances(&mut out, "make bench-growth", plan);
        for table in &tables::GROWTH {
            section(&mut out, results, table);
        }
    }
    if let Some(million) = &results.million {
        out.push_str("\n# As many connections as one edge may have\n\nWritten by `make bench-million`.\n\n");
        for (name, value) in &million.figures {
            let _ = writeln!(out, "- {name}: {}", number(*value, 2));
        }
        for note in &million.notes {
            let _ = writeln!(out, "- {note}");
        }
    }
    out
}

fn circumstances(out: &mut String, command: &str, plan: &Circumstances) {
    let quick = if plan.quick { " QUICK=1" } else { "" };
    let _ = writeln!(out, "\nWritten by `{command}{quick}` ({} s).\n", plan.seconds);
    for (name, value) in &plan.machine {
        let _ = writeln!(out, "- {name}: {value}");
    }
    for version in &plan.versions {
        let _ = writeln!(out, "- {version}");
    }
    if !plan.missing.is_empty() {
        let _ = writeln!(out, "- not measured: {}", plan.missing.join(", "));
    }
}

fn table_of_marks(out: &mut String, results: &Results) {
    out.push_str("\n## Marks\n\nRatios are medians over the rounds, each taken within its round.\n\n| mark | limit | figure | met |\n|---|---|---|---|\n");
    for mark in &marks::ALL {
        let figure = mark.figure(results);
        let met = match figure.map(|figure| mark.limit.is_met_by(figure)) {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "not measured",
        };
        let (sign, limit) = mark.limit.parts();
        let figure = figure.map_or_else(|| "–".to_owned(), |figure| number(figure, 3));
        let _ = writeln!(
            out,
            "| {} | {sign} {} | {figure} | {met} |",
            mark.what,
            short(limit)
        );
    }
}

fn section(out: &mut String, results: &Results, table: &Table) {
    let cells: Vec<&Cell> = results.of(table.part).collect();
    if cells.is_empty() {
        return;
    }
    let (title, columns) = (table.title, table.columns);
    let _ = writeln!(out, "\n## {title}\n");
    for figure in &figures::FIGURES {
        if figure.parts.first().is_some_and(|(part, _)| *part == table.part) {
            let _ = writeln!(out, "![{title}](../docs/img/{})\n", figure.name);
        }
    }
    if columns.is_empty() {
        list(out, &cells);
    } else {
        let heads: Vec<&str> = columns.iter().map(|(_, heading, _)| *heading).collect();
        let _ = writeln!(
            out,
            "| contender | rounds | {} | least–most of the first |\n|---|---|{}---|",
            heads.join(" | "),
            "---|".repeat(heads.len())
        );
        for cell in &cells {
            row(out, cell, columns);
        }
    }
    for cell in cells {
        let notes = cell
            .runs
            .iter()
            .flat_map(|record| &record.notes)
            .chain(&cell.failures);
        let notes: std::collections::BTreeSet<&str> = notes.filter_map(|note| note.lines().next()).collect();
        for note in notes {
            let _ = writeln!(out, "\n- {}: {note}", name(cell));
        }
    }
}

/// All figures, one below the other.
fn list(out: &mut String, cells: &[&Cell]) {
    for cell in cells {
        let names = cell
            .runs
            .first()
            .into_iter()
            .flat_map(|record| record.figures.keys());
        for name in names {
            let value = cell.median(name).unwrap_or_default();
            let _ = writeln!(out, "- {name}: {}", number(value, 2));
        }
    }
}

/// Its contender, and what is varied.
fn name(cell: &Cell) -> String {
    let x = cell.x.map(|x| format!(" @ {}", number_whole(x)));
    format!("{}{}", cell.contender, x.unwrap_or_default())
}

fn row(out: &mut String, cell: &Cell, columns: &[Column]) {
    let _ = write!(out, "| {} | {} |", name(cell), cell.runs.len());
    for (figure, _, decimals) in columns {
        let value = cell
            .median(figure)
            .map_or_else(|| "–".to_owned(), |value| number(value, *decimals));
        let _ = write!(out, " {value} |");
    }
    let range = columns
        .first()
        .and_then(|(figure, _, decimals)| Some((cell.range(figure)?, *decimals)));
    let range = range
        .map(|((least, most), decimals)| format!("{}–{}", number(least, decimals), number(most, decimals)));
    let _ = writeln!(out, " {} |", range.unwrap_or_default());
}

/// With thousands separated.
fn number(value: f64, decimals: usize) -> String {
    let decimals = if value.abs() >= 1000.0 { 0 } else { decimals };
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text
        .split_once('.')
        .map_or((text.as_str(), String::new()), |(whole, rest)| {
            (whole, format!(".{rest}"))
        });
    whole.parse().map_or_else(|_| whole.to_owned(), number_whole) + &rest
}

fn number_whole(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// With as many decimals as it has.
fn short(value: f64) -> String {
    let text = number(value, 3);
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_easy_to_read() {
        assert_eq!(number(1_234_567.8, 3), "1,234,568");
        assert_eq!(number(0.0637, 3), "0.064");
        assert_eq!(number(-2.5, 1), "-2.5");
        assert_eq!([short(1.1), short(50.0), short(1e6)], ["1.1", "50", "1,000,000"]);
    }
}
