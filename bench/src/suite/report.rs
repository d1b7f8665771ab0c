//! RESULTS.md and the plots.

mod figures;
mod tables;

use std::{collections::BTreeSet, fmt::Write};

use super::{
    marks,
    results::{Cell, Results, Sitting},
};
use crate::{circumstances::Circumstances, record::Dated};
pub(super) use figures::plots;
use tables::{Column, Shape, Table};

/// What a contender's name ends in where chat-svc sends it the messages, as it does to ChatFlow's edge.
const THROUGH_CHAT: &str = "+chat";

/// All of it, for people.
pub(super) fn markdown(results: &Results) -> String {
    let mut out = "# Results\n\nHow it is measured: [README.md](README.md).\n".to_owned();
    let told = |tables: &[Table]| tables.iter().any(|table| results.parts.contains_key(table.part));
    if let Some(newest) = newest(results) {
        out.push('\n');
        machine(&mut out, newest);
        for version in results.versions.values() {
            let _ = writeln!(out, "- {version}");
        }
        if !results.missing.is_empty() {
            let _ = writeln!(out, "- not measured: {}", results.missing.join(", "));
        }
    }
    if told(tables::COMPARISON) {
        circumstances(&mut out, "make bench", results, tables::COMPARISON);
        table_of_marks(&mut out, results);
        for table in tables::COMPARISON {
            section(&mut out, results, table);
        }
    }
    if told(tables::GROWTH) {
        out.push_str("\n# Growth, and what is switched on for it\n");
        circumstances(&mut out, "make bench-growth", results, tables::GROWTH);
        for table in tables::GROWTH {
            section(&mut out, results, table);
        }
    }
    if let Some(million) = &results.million {
        apart(&mut out, million);
    }
    out
}

/// What was measured last: its machine is told for all.
fn newest(results: &Results) -> Option<&Circumstances> {
    let all = results.parts.values().map(|sitting| &sitting.circumstances);
    all.max_by(|a, b| a.date.cmp(&b.date))
}

/// Of which commits and days the parts are.
fn circumstances(out: &mut String, command: &str, results: &Results, tables: &[Table]) {
    let told = tables
        .iter()
        .filter_map(|table| Some((table.part, results.parts.get(table.part)?)));
    let mut told: Vec<(&str, &Sitting)> = told.collect();
    told.sort_by(|(_, a), (_, b)| a.circumstances.date.cmp(&b.circumstances.date));
    let seconds: u64 = told.iter().map(|(_, sitting)| sitting.seconds).sum();
    let _ = writeln!(out, "\nWritten by `{command}` ({seconds} s).\n");
    let mut alike: Vec<(&Sitting, Vec<&str>)> = Vec::new();
    for (part, sitting) in told {
        match alike.iter_mut().find(|(first, _)| first.is_like(sitting)) {
            Some((_, parts)) => parts.push(part),
            None => alike.push((sitting, vec![part])),
        }
    }
    for (sitting, parts) in &alike {
        let mut more = String::new();
        if sitting.quick {
            more += ", with QUICK=1";
        }
        if newest(results).is_some_and(|newest| newest.machine != sitting.circumstances.machine) {
            more += ", on another machine or with other versions";
        }
        if alike.len() > 1 {
            let _ = write!(more, ": {}", parts.join(", "));
        }
        when(out, &sitting.circumstances, &more);
    }
}

fn machine(out: &mut String, circumstances: &Circumstances) {
    for (name, value) in &circumstances.machine {
        let _ = writeln!(out, "- {name}: {value}");
    }
}

fn when(out: &mut String, circumstances: &Circumstances, more: &str) {
    let Circumstances {
        commit, date, load, ..
    } = circumstances;
    let _ = writeln!(out, "- commit {commit}, from {date} on, load {load} before{more}");
}

/// What is made apart.
fn apart(out: &mut String, million: &Dated) {
    out.push_str("\n# As many connections as one edge may have\n\nWritten by `make bench-million`.\n\n");
    if million.circumstances != Circumstances::default() {
        machine(out, &million.circumstances);
        when(out, &million.circumstances, "");
    }
    for (name, value) in &million.record.figures {
        let _ = writeln!(out, "- {name}: {}", number(*value, 2));
    }
    for note in &million.record.notes {
        let _ = writeln!(out, "- {note}");
    }
}

fn table_of_marks(out: &mut String, results: &Results) {
    out.push_str(
        "\n## Marks\n\nRatios are medians over the rounds, each taken within its round. In the tables below they are those of the first column: ChatFlow's and \
         `+chat`'s by what the contender of the heading reaches with `+chat`, where it was measured so, all others' by it as it is.\n\n\
         | mark | limit | figure | met |\n|---|---|---|---|\n",
    );
    for mark in marks::ALL {
        let (figure, met) = mark.reached(results);
        let (sign, limit) = mark.limit.parts();
        let figure = or_dash(figure.map(|figure| number(figure, 3)));
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
    let title = table.title;
    let _ = writeln!(out, "\n## {title}\n");
    if let Some(plot) = table.plot {
        let _ = writeln!(out, "![{title}](../docs/img/{})\n", plot.file);
    }
    match table.shape {
        Shape::Contenders(columns, references) => contenders(out, &cells, columns, references),
        Shape::Things(things, columns) => {
            for cell in &cells {
                did(out, cell, things, columns);
            }
        }
        Shape::List => list(out, &cells),
    }
    for cell in cells {
        let notes = cell
            .runs
            .values()
            .flat_map(|record| &record.notes)
            .chain(&cell.failures);
        let notes: BTreeSet<&str> = notes.filter_map(|note| note.lines().next()).collect();
        for note in notes {
            let _ = writeln!(out, "\n- {}: {note}", name(cell));
        }
    }
}

/// All figures, one below the other.
fn list(out: &mut String, cells: &[&Cell]) {
    for cell in cells {
        let names: BTreeSet<&String> = cell
            .runs
            .values()
            .flat_map(|record| record.figures.keys())
            .collect();
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

/// A row for each contender.
fn contenders(out: &mut String, cells: &[&Cell], columns: &[Column], references: &[&str]) {
    let mut heads = vec!["contender".to_owned(), "rounds".to_owned()];
    heads.extend(columns.iter().map(|(_, heading, _)| (*heading).to_owned()));
    heads.extend(references.iter().map(|reference| format!("by {reference}")));
    let Some((first, _, decimals)) = columns.first() else {
        return;
    };
    let several = cells.iter().any(|cell| cell.range(first).is_some());
    if several {
        heads.push("least–most of the first".to_owned());
    }
    head(out, &heads);
    for cell in cells {
        let mut row = vec![name(cell), cell.runs.len().to_string()];
        row.extend(columns.iter().map(|column| value(cell, column)));
        row.extend(references.iter().map(|reference| {
            let reference = reference_of(cell, reference, cells);
            or_dash(reference.and_then(|reference| Some(number(cell.by(reference, first)?, 3))))
        }));
        if several {
            row.push(cell.range(first).map_or_else(String::new, |(least, most)| {
                format!("{}–{}", number(least, *decimals), number(most, *decimals))
            }));
        }
        let _ = writeln!(out, "| {} |", row.join(" | "));
    }
}

/// Whom a contender is held against: the one of this name that has the same arrivals, if there is one.
fn reference_of<'a>(cell: &Cell, reference: &str, cells: &[&'a Cell]) -> Option<&'a Cell> {
    let named = |name: &str| {
        cells
            .iter()
            .find(|other| other.x == cell.x && other.contender == name)
            .copied()
    };
    let through_chat = cell.contender.starts_with("chatflow") || cell.contender.ends_with(THROUGH_CHAT);
    through_chat
        .then(|| named(&format!("{reference}{THROUGH_CHAT}")))
        .flatten()
        .or_else(|| named(reference))
}

/// A row for each thing that was done.
fn did(out: &mut String, cell: &Cell, things: &[(&str, &str)], columns: &[Column]) {
    let mut heads = vec![cell.contender.clone()];
    heads.extend(columns.iter().map(|(_, heading, _)| (*heading).to_owned()));
    head(out, &heads);
    for (thing, called) in things {
        let figures = columns.iter().map(|(figure, _, decimals)| {
            let figure = figure.replace("{}", thing);
            cell.median(figure.trim_start_matches('_'))
                .map(|value| number(value, *decimals))
        });
        let figures: Vec<Option<String>> = figures.collect();
        if figures.iter().any(Option::is_some) {
            let figures: Vec<String> = figures.into_iter().map(or_dash).collect();
            let _ = writeln!(out, "| {called} | {} |", figures.join(" | "));
        }
    }
}

fn head(out: &mut String, heads: &[String]) {
    let _ = writeln!(out, "| {} |\n|{}", heads.join(" | "), "---|".repeat(heads.len()));
}

fn value(cell: &Cell, (figure, _, decimals): &Column) -> String {
    or_dash(cell.median(figure).map(|value| number(value, *decimals)))
}

fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "–".to_owned())
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
    use crate::suite::results::tests::cell;

    #[test]
    fn contenders_are_held_against_those_with_the_same_arrivals() {
        let cells = [
            cell("chatflow", &[3.0]),
            cell("floor", &[1.0]),
            cell("floor+chat", &[2.0]),
            cell("peer", &[4.0]),
        ];
        let cells: Vec<&Cell> = cells.iter().collect();
        let mut out = String::new();
        contenders(&mut out, &cells, &[("cost", "cost", 0)], &["floor", "peer"]);
        let row = |name: &str| out.lines().find(|line| line.starts_with(&format!("| {name} |")));
        assert_eq!(row("chatflow"), Some("| chatflow | 1 | 3 | 1.500 | 0.750 |"));
        assert_eq!(row("peer"), Some("| peer | 1 | 4 | 4.000 | 1.000 |"));
    }

    #[test]
    fn what_was_done_has_a_row_for_each_thing() {
        let mut cell = cell("chatflow", &[1.0]);
        for record in cell.runs.values_mut() {
            record.set("one_p99_ms", 2.0);
            record.set("per_s", 3.0);
        }
        let mut out = String::new();
        let columns = [("{}_per_s", "per s", 0), ("{}_p99_ms", "p99", 1)];
        did(
            &mut out,
            &cell,
            &[("", "all"), ("one", "one"), ("none", "none")],
            &columns,
        );
        assert!(out.ends_with("| all | 3 | – |\n| one | – | 2.0 |\n"), "{out}");
    }

    #[test]
    fn parts_of_several_commits_say_which() {
        let mut results = Results::default();
        let mut measured = |part: &str, commit: &str| {
            let circumstances = Circumstances {
                commit: commit.into(),
                date: "2026-01-01T00:00:00Z".into(),
                ..Circumstances::default()
            };
            let sitting = Sitting {
                circumstances,
                ..Sitting::default()
            };
            results.begin(part, sitting);
            markdown(&results)
        };
        assert!(
            measured("idle", "abc").contains("- commit abc, from 2026-01-01T00:00:00Z on, load  before\n")
        );
        let both = measured("send", "def");
        assert!(
            both.contains("before: idle\n") && both.contains("before: send\n"),
            "{both}"
        );
    }

    #[test]
    fn numbers_are_easy_to_read() {
        assert_eq!(number(1_234_567.8, 3), "1,234,568");
        assert_eq!(number(0.0637, 3), "0.064");
        assert_eq!(number(-2.5, 1), "-2.5");
        assert_eq!([short(1.1), short(50.0), short(1e6)], ["1.1", "50", "1,000,000"]);
    }
}
