//! RESULTS.md and the plots.

use std::fmt::Write;

use super::{
    marks,
    plot::{Series, svg},
    results::{Cell, Results},
};

/// A table: the part, its title, and its columns: figure, heading, decimals.
type Table = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str, usize)],
);

const TABLES: [Table; 15] = [
    (
        "room-single",
        "One room of 1,000, single messages, 100 a second",
        &FAN_OUT,
    ),
    ("room-burst", "One room of 1,000, bursts of 500", &FAN_OUT),
    ("small-rooms", "1,000 rooms of ten, 100 senders", &FAN_OUT),
    (
        "latency",
        "One room of 1,000, 80 messages a second: send to the last receiver",
        &LATENCY,
    ),
    ("idle", "Idle connections, in rooms of ten", &IDLE),
    ("start", "Start and size of the all-in-one", &[]),
    ("connect", "Connecting and resuming", &[]),
    ("resume", "History and resume of 1,000 messages", &[]),
    (
        "send",
        "Acknowledged sends, by gRPC to chat-svc and by WebSocket to the edge, on PostgreSQL",
        &[],
    ),
    ("send-sqlite", "The same on SQLite", &[]),
    ("files", "Files through the edge", &[]),
    ("receivers-single", "Single messages against receivers", &FAN_OUT),
    ("receivers-burst", "Bursts against receivers", &FAN_OUT),
    ("rooms", "10,000 sockets in 10 to 10,000 rooms", &FAN_OUT),
    (
        "edges",
        "One room over 1, 2, 4 edges, 2,000 sockets on each",
        &GROWTH,
    ),
];

const COST: &str = "server_cpu_us_per_delivery";
const FAN_OUT: [(&str, &str, usize); 6] = [
    (COST, "server CPU, µs per delivery", 3),
    ("deliveries_per_s", "deliveries/s", 0),
    ("server_cores", "server, cores", 2),
    ("generator_cores", "generator, cores", 2),
    ("to_last_p99_ms", "p99 to last, ms", 1),
    ("lost_sockets", "sockets lost", 0),
];
const LATENCY: [(&str, &str, usize); 5] = [
    ("to_last_p50_ms", "p50 to last, ms", 2),
    ("to_last_p99_ms", "p99, ms", 2),
    ("to_last_max_ms", "max, ms", 2),
    ("acknowledged_p99_ms", "p99 of the acknowledgement, ms", 2),
    ("server_cores", "server, cores", 2),
];
const IDLE: [(&str, &str, usize); 4] = [
    ("bytes_per_socket", "resident bytes per socket", 0),
    ("sockets", "sockets", 0),
    ("kernel_bytes_per_socket_both_ends", "the kernel's, both ends", 0),
    ("without_sockets_mib", "MiB without sockets", 1),
];
const GROWTH: [(&str, &str, usize); 4] = [
    (COST, "server CPU, µs per delivery", 3),
    ("receivers", "receivers", 0),
    ("server_cores", "servers, cores", 2),
    ("to_last_p99_ms", "p99 to last, ms", 1),
];
const CHATS: Table = (
    "chats",
    "1,000 rooms of ten with 1 and 2 replicas of chat-svc",
    &[
        (COST, "edge CPU, µs per delivery", 3),
        ("messages_per_s", "messages/s", 0),
        ("chat-svc_cores", "chat-svc, cores", 2),
        ("postgres_cores", "PostgreSQL, cores", 2),
        ("acknowledged_p99_ms", "p99 of the acknowledgement, ms", 1),
    ],
);

/// All of it, for people.
pub(super) fn markdown(results: &Results) -> String {
    let command = if results.quick {
        "make bench QUICK=1"
    } else {
        "make bench"
    };
    let mut out = format!(
        "# Results\n\nWritten by `{command}` ({} s). How it is measured: [README.md](README.md).\n\n",
        results.seconds
    );
    for (name, value) in &results.machine {
        let _ = writeln!(out, "- {name}: {value}");
    }
    for version in &results.versions {
        let _ = writeln!(out, "- {version}");
    }
    if !results.missing.is_empty() {
        let _ = writeln!(
            out,
            "- not installed, so not measured: {}",
            results.missing.join(", ")
        );
    }
    out.push_str("\n## Marks\n\nRatios are medians over the rounds, each taken within its round.\n\n| mark | limit | figure | met |\n|---|---|---|---|\n");
    for mark in marks::all(results) {
        let figure = mark
            .figure
            .map_or_else(|| "–".to_owned(), |figure| number(figure, 3));
        let _ = writeln!(
            out,
            "| {} | {} | {figure} | {} |",
            mark.what,
            mark.limit,
            mark.met()
        );
    }
    out.push_str("\nWhat is sent and acknowledged beside the bare database: [store](store/RESULTS.md).\n");
    for table in TABLES.iter().chain([&CHATS]) {
        section(&mut out, results, table);
    }
    if let Some(million) = &results.million {
        out.push_str("\n## As many connections as one edge may have\n\n");
        for (name, value) in &million.figures {
            let _ = writeln!(out, "- {name}: {}", number(*value, 2));
        }
        for note in &million.notes {
            let _ = writeln!(out, "- {note}");
        }
    }
    out
}

fn section(out: &mut String, results: &Results, (part, title, columns): &Table) {
    let cells: Vec<&Cell> = results.of(part).collect();
    if cells.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n## {title}\n");
    for (name, plotted, ..) in PLOTS {
        if plotted == *part {
            let _ = writeln!(out, "![{title}](../docs/img/{name})\n");
        }
    }
    if columns.is_empty() {
        for cell in &cells {
            for name in cell
                .runs
                .first()
                .into_iter()
                .flat_map(|record| record.figures.keys())
            {
                let _ = writeln!(
                    out,
                    "- {name}: {}",
                    number(cell.median(name).unwrap_or_default(), 2)
                );
            }
        }
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
            let _ = writeln!(out, "\n- {}: {note}", cell.contender);
        }
    }
}

fn row(out: &mut String, cell: &Cell, columns: &[(&str, &str, usize)]) {
    let x = cell
        .x
        .map(|x| format!(" @ {}", number_whole(x)))
        .unwrap_or_default();
    let _ = write!(out, "| {}{x} | {} |", cell.contender, cell.runs.len());
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

const PLOTS: [(&str, &str, &str, &str); 3] = [
    (
        "bench-receivers-single.svg",
        "receivers-single",
        "Single messages: server CPU per delivery",
        "receivers in the room",
    ),
    (
        "bench-receivers-burst.svg",
        "receivers-burst",
        "Bursts: server CPU per delivery",
        "receivers in the room",
    ),
    (
        "bench-rooms.svg",
        "rooms",
        "10,000 sockets: server CPU per delivery",
        "rooms",
    ),
];

/// The plots of what varies: file names and contents.
pub(super) fn plots(results: &Results) -> Vec<(&'static str, String)> {
    let mut plots = Vec::new();
    for (name, part, title, x) in PLOTS {
        let mut series: Vec<Series> = Vec::new();
        for cell in results.of(part) {
            let Some(point) = point(cell) else { continue };
            match series.iter_mut().find(|line| line.name == cell.contender) {
                Some(line) => line.points.push(point),
                None => series.push(Series {
                    name: cell.contender.clone(),
                    points: vec![point],
                }),
            }
        }
        let plot = svg(title, x, "µs", &series);
        if !plot.is_empty() {
            plots.push((name, plot));
        }
    }
    plots
}

#[expect(clippy::cast_precision_loss, reason = "a place in a plot")]
fn point(cell: &Cell) -> Option<(f64, f64)> {
    Some((cell.x? as f64, cell.median(COST)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_easy_to_read() {
        assert_eq!(number(1_234_567.8, 3), "1,234,568");
        assert_eq!(number(0.0637, 3), "0.064");
        assert_eq!(number(-2.5, 1), "-2.5");
    }
}
