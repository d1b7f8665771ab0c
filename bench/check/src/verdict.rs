//! Holds what was counted against what is committed.

use std::{env::consts::ARCH, fmt};

use crate::committed::{Committed, rustc};

/// How far a count may be from its committed number, as a share of that.
const TOLERANCE: f64 = 0.03;

/// What is told of all work.
pub(crate) struct Table {
    rows: Vec<Row>,
    hint: Option<String>,
}

struct Row {
    work: String,
    committed: Option<f64>,
    counted: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Same,
    Dearer,
    /// Not good either: what is gained has to be committed, or it may be lost again unseen.
    Cheaper,
    New,
}

impl Row {
    fn change(&self) -> Option<f64> {
        self.committed.map(|committed| self.counted / committed - 1.0)
    }

    fn verdict(&self) -> Verdict {
        match self.change() {
            None => Verdict::New,
            Some(change) if change > TOLERANCE => Verdict::Dearer,
            Some(change) if change < -TOLERANCE => Verdict::Cheaper,
            Some(_) => Verdict::Same,
        }
    }
}

impl Table {
    pub(crate) fn new(committed: &Committed, counted: &[(&str, f64)]) -> Self {
        let rows = counted
            .iter()
            .map(|&(work, counted)| Row {
                work: work.to_owned(),
                committed: committed.instructions(work),
                counted,
            })
            .collect();
        let here = rustc();
        let hint = match committed.rustc() {
            None => Some(format!("There are no numbers for {ARCH} yet.")),
            Some(theirs) if theirs != here => Some(format!(
                "The numbers are of {theirs}, and this is {here}: another compiler makes other code."
            )),
            Some(_) => None,
        };
        Self { rows, hint }
    }

    /// Whether all is as committed.
    pub(crate) fn is_good(&self) -> bool {
        self.rows.iter().all(|row| row.verdict() == Verdict::Same)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widest = self.rows.iter().map(|row| row.work.len()).max().unwrap_or(0);
        writeln!(
            f,
            "{:widest$}  {:>12}  {:>12}  {:>8}",
            "instructions a round", "committed", "counted", "change"
        )?;
        for row in &self.rows {
            let committed = row
                .committed
                .map_or("-".to_owned(), |number| format!("{number:.1}"));
            let change = row
                .change()
                .map_or("-".to_owned(), |change| format!("{:+.1} %", change * 100.0));
            let verdict = match row.verdict() {
                Verdict::Same => "",
                Verdict::Dearer => "  DEARER",
                Verdict::Cheaper => "  CHEAPER: keep it with --accept",
                Verdict::New => "  NEW: commit it with --accept",
            };
            writeln!(
                f,
                "{:widest$}  {committed:>12}  {:>12.1}  {change:>8}{verdict}",
                row.work, row.counted
            )?;
        }
        if let Some(hint) = &self.hint {
            writeln!(f, "{hint}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(counted: &[(&str, f64)]) -> Table {
        let mut committed = Committed::default();
        committed.take(&[("one", 1000.0), ("two", 50.0)]);
        Table::new(&committed, counted)
    }

    #[test]
    fn within_three_percent_is_the_same() {
        assert!(table(&[("one", 1029.9), ("two", 48.6)]).is_good());
        assert!(!table(&[("one", 1030.1), ("two", 50.0)]).is_good());
        assert!(!table(&[("one", 1000.0), ("two", 48.4)]).is_good());
    }

    #[test]
    fn what_is_new_has_to_be_committed() {
        let table = table(&[("three", 1.0)]);
        assert!(!table.is_good());
        assert!(table.to_string().contains("NEW"));
    }

    #[test]
    fn the_table_says_which_way_it_went() {
        let text = table(&[("one", 1100.0), ("two", 40.0)]).to_string();
        assert!(text.contains("+10.0 %  DEARER"), "{text}");
        assert!(text.contains("-20.0 %  CHEAPER"), "{text}");
    }
}
