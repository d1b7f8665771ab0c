//! The table of stalls, for a terminal and for a document.

use std::{fmt, time::Duration};

use super::{Row, Stalls, Waits};

const TITLES: [&str; 6] = [
    "kind",
    "faults",
    "longest ack",
    "ack p99",
    "longest delivery",
    "delivery p99",
];

impl Stalls {
    /// The table in Markdown.
    pub fn markdown(&self) -> String {
        let mut lines = vec![
            "| kind | faults | longest ack | longest delivery |".to_owned(),
            "|---|---:|---:|---:|".to_owned(),
        ];
        lines.extend(self.all().map(|row| {
            let [kind, faults, ack, _, delivery, _] = cells(row);
            format!("| {kind} | {faults} | {ack} | {delivery} |")
        }));
        lines.join("\n")
    }

    fn all(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().chain([&self.no_fault])
    }
}

impl fmt::Display for Stalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<[String; 6]> = [TITLES.map(str::to_owned)]
            .into_iter()
            .chain(self.all().map(cells))
            .collect();
        let widths: [usize; 6] = std::array::from_fn(|column| {
            let lengths = lines.iter().map(|line| line[column].chars().count());
            lengths.max().unwrap_or(0)
        });
        for (number, line) in lines.iter().enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            write!(f, "{:<width$}", line[0], width = widths[0])?;
            for (cell, width) in line.iter().zip(widths).skip(1) {
                write!(f, "  {cell:>width$}")?;
            }
        }
        Ok(())
    }
}

fn cells(row: &Row) -> [String; 6] {
    let waits = |waits: Waits| {
        let told = |time: Duration| match waits.count {
            0 => "–".to_owned(),
            _ => format!("{:.3} s", time.as_secs_f64()),
        };
        [told(waits.longest), told(waits.p99)]
    };
    let [ack, ack_p99] = waits(row.acks);
    let [delivery, delivery_p99] = waits(row.deliveries);
    let faults = if row.faults == 0 {
        "–".to_owned()
    } else {
        row.faults.to_string()
    };
    [row.kind.clone(), faults, ack, ack_p99, delivery, delivery_p99]
}
