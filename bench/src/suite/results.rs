//! What all runs gave: the raw records, and the medians and ratios that are read from them.

use std::{collections::BTreeMap, fs, path::Path};

use serde::{Deserialize, Serialize};

use super::plan::Run;
use crate::record::Record;

/// What all runs gave.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Results {
    /// The circumstances of each plan, by its name.
    pub(crate) plans: BTreeMap<String, Circumstances>,
    /// Each part on each contender.
    pub(crate) cells: Vec<Cell>,
    /// The last run of the workload of the same name, which is made apart.
    pub(crate) million: Option<Record>,
}

/// Where, when and how a plan was carried out.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Circumstances {
    /// Whether it was the short plan.
    pub(crate) quick: bool,
    /// Where and when.
    pub(crate) machine: BTreeMap<String, String>,
    /// The peers' versions.
    pub(crate) versions: Vec<String>,
    /// Contenders that could not take part, and why.
    pub(crate) missing: Vec<String>,
    /// How long it took.
    pub(crate) seconds: u64,
}

/// One part on one contender.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Cell {
    /// Which part.
    pub(crate) part: String,
    /// What it varies.
    pub(crate) x: Option<u64>,
    /// Who.
    pub(crate) contender: String,
    /// One record per round.
    pub(crate) runs: Vec<Record>,
    /// Why rounds failed.
    pub(crate) failures: Vec<String>,
}

impl Results {
    /// What an earlier plan has left in this file; nothing where there is none, or one of another form.
    pub(super) fn read(file: &Path) -> Self {
        let bytes = fs::read(file).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// Forgets a part, which is run anew.
    pub(super) fn forget(&mut self, part: &str) {
        self.cells.retain(|cell| cell.part != part);
    }

    /// Where the records of this run belong.
    pub(super) fn cell(&mut self, run: &Run) -> &mut Cell {
        let same = |cell: &Cell| cell.part == run.part && cell.x == run.x && cell.contender == run.contender;
        let place = self.cells.iter().position(same).unwrap_or_else(|| {
            self.cells.push(Cell {
                part: run.part.into(),
                x: run.x,
                contender: run.contender.clone(),
                runs: Vec::new(),
                failures: Vec::new(),
            });
            self.cells.len() - 1
        });
        &mut self.cells[place]
    }

    /// All contenders of a part.
    pub(crate) fn of<'a>(&'a self, part: &'a str) -> impl Iterator<Item = &'a Cell> {
        self.cells.iter().filter(move |cell| cell.part == part)
    }

    /// The median of a figure.
    pub(crate) fn figure(&self, part: &str, contender: &str, figure: &str) -> Option<f64> {
        self.of(part)
            .find(|cell| cell.contender == contender)?
            .median(figure)
    }

    /// The median over the rounds of one contender's figure by another's in the same round: what disturbs the machine disturbs both.
    pub(crate) fn ratio(&self, part: &str, contender: &str, to: &str, figure: &str) -> Option<f64> {
        let cell = |name: &str| self.of(part).find(|cell| cell.contender == name);
        let (these, those) = (cell(contender)?.values(figure), cell(to)?.values(figure));
        median(these.iter().zip(&those).map(|(this, that)| this / that).collect())
    }
}

impl Cell {
    fn values(&self, figure: &str) -> Vec<f64> {
        self.runs
            .iter()
            .filter_map(|record| record.figures.get(figure).copied())
            .collect()
    }

    /// The median of a figure.
    pub(crate) fn median(&self, figure: &str) -> Option<f64> {
        median(self.values(figure))
    }

    /// The least and the most of a figure.
    pub(crate) fn range(&self, figure: &str) -> Option<(f64, f64)> {
        let values = self.values(figure);
        let least = values.iter().copied().reduce(f64::min)?;
        Some((least, values.iter().copied().reduce(f64::max)?))
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.retain(|value| value.is_finite());
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = values[(values.len() - 1) / 2];
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(contender: &str, values: &[f64]) -> Cell {
        let runs = values.iter().map(|value| {
            let mut record = Record::new("w", contender);
            record.set("cost", *value);
            record
        });
        Cell {
            part: "p".into(),
            x: None,
            contender: contender.into(),
            runs: runs.collect(),
            failures: Vec::new(),
        }
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        // The second round was disturbed, for both alike.
        let results = Results {
            cells: vec![cell("a", &[2.0, 20.0, 2.2]), cell("b", &[1.0, 10.0, 1.1])],
            ..Results::default()
        };
        assert_eq!(results.ratio("p", "a", "b", "cost"), Some(2.0));
        assert_eq!(results.figure("p", "a", "cost"), Some(2.2));
        assert_eq!(results.cells[0].range("cost"), Some((2.0, 20.0)));
        assert_eq!(results.ratio("p", "a", "c", "cost"), None);
    }

    #[test]
    fn a_part_that_is_run_anew_leaves_the_others() {
        let mut results = Results {
            cells: vec![cell("a", &[1.0])],
            ..Results::default()
        };
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("results.json");
        fs::write(&file, serde_json::to_vec(&results).unwrap()).unwrap();
        results = Results::read(&file);
        results.forget("q");
        assert_eq!(results.of("p").count(), 1);
        results.forget("p");
        assert_eq!(results.of("p").count(), 0);
        assert_eq!(Results::read(&folder.path().join("none")).cells.len(), 0);
    }

    #[test]
    fn the_median_of_two_is_between_them() {
        assert_eq!(median(vec![3.0, 1.0]), Some(2.0));
        assert_eq!(median(Vec::new()), None);
    }
}
