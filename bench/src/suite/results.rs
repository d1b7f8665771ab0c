//! What all runs gave: the raw records, and the medians and ratios that are read from them.

use std::{collections::BTreeMap, fs, path::Path};

use serde::{Deserialize, Serialize};

use super::plan::Run;
use crate::{
    circumstances::Circumstances,
    record::{Dated, Record},
};

/// What all runs gave.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Results {
    /// The circumstances of each part, by its name.
    pub(crate) parts: BTreeMap<String, Sitting>,
    /// The versions of peers, by their names.
    pub(crate) versions: BTreeMap<String, String>,
    /// Contenders that could not take part when last something was measured, and why.
    pub(crate) missing: Vec<String>,
    /// Each part on each contender.
    pub(crate) cells: Vec<Cell>,
    /// The last run of the workload of the same name, which is made apart.
    pub(crate) million: Option<Dated>,
}

/// Where, when and how a part was measured.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Sitting {
    /// Whether by the short plan.
    pub(crate) quick: bool,
    /// How long it took, in seconds.
    pub(crate) seconds: u64,
    /// Where and when.
    #[serde(flatten)]
    pub(crate) circumstances: Circumstances,
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
    /// The records, by their rounds; those that failed have none.
    pub(crate) runs: BTreeMap<usize, Record>,
    /// Why rounds failed.
    pub(crate) failures: Vec<String>,
}

impl Sitting {
    /// Whether it was of the same commit, on the same day and machine, and by the same plan.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let Circumstances { machine, commit, .. } = &self.circumstances;
        let that = &other.circumstances;
        (self.quick, machine, commit) == (other.quick, &that.machine, &that.commit)
            && self.circumstances.day() == that.day()
    }
}

impl Results {
    /// What an earlier plan has left in this file; nothing where there is none, or one of another form.
    pub(super) fn read(file: &Path) -> Self {
        let bytes = fs::read(file).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// Begins a part: what it gave before is forgotten.
    pub(super) fn begin(&mut self, part: &str, sitting: Sitting) {
        self.cells.retain(|cell| cell.part != part);
        self.parts.insert(part.into(), sitting);
    }

    /// Where the records of this run belong.
    pub(super) fn cell(&mut self, run: &Run) -> &mut Cell {
        let same = |cell: &Cell| cell.part == run.part && cell.x == run.x && cell.contender == run.contender;
        let place = self.cells.iter().position(same).unwrap_or_else(|| {
            self.cells.push(Cell {
                part: run.part.into(),
                x: run.x,
                contender: run.contender.clone(),
                runs: BTreeMap::new(),
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

    fn one(&self, part: &str, contender: &str) -> Option<&Cell> {
        self.cells
            .iter()
            .find(|cell| cell.part == part && cell.contender == contender)
    }

    /// The median of a figure.
    pub(crate) fn figure(&self, part: &str, contender: &str, figure: &str) -> Option<f64> {
        self.one(part, contender)?.median(figure)
    }

    /// One contender's figure by another's: see [`Cell::by`].
    pub(crate) fn ratio(&self, part: &str, contender: &str, to: &str, figure: &str) -> Option<f64> {
        self.one(part, contender)?.by(self.one(part, to)?, figure)
    }
}

impl Cell {
    fn values(&self, figure: &str) -> impl Iterator<Item = f64> {
        self.runs
            .values()
            .filter_map(move |record| record.figures.get(figure).copied())
    }

    /// The median of a figure.
    pub(crate) fn median(&self, figure: &str) -> Option<f64> {
        median(self.values(figure).collect())
    }

    /// The median, over the rounds that both have, of a figure by the other's in the same round: what disturbs the machine disturbs both.
    pub(crate) fn by(&self, other: &Self, figure: &str) -> Option<f64> {
        let ratios = self.runs.iter().filter_map(|(round, record)| {
            let that = other.runs.get(round)?.figures.get(figure)?;
            Some(record.figures.get(figure)? / that)
        });
        median(ratios.collect())
    }

    /// The least and the most of a figure, of several rounds.
    pub(crate) fn range(&self, figure: &str) -> Option<(f64, f64)> {
        let least = self.values(figure).reduce(f64::min)?;
        let most = self.values(figure).reduce(f64::max)?;
        (self.runs.len() > 1).then_some((least, most))
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
pub(super) mod tests {
    use super::*;

    /// A part `p` of a contender with the rounds' figures `cost`; a figure that is no number stands for a round that failed.
    pub(in crate::suite) fn cell(contender: &str, values: &[f64]) -> Cell {
        let rounds = values.iter().enumerate().filter(|(_, value)| value.is_finite());
        let runs = rounds.map(|(round, value)| {
            let mut record = Record::new("w", contender);
            record.set("cost", *value);
            (round, record)
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
        // The second round was disturbed, for both alike, and the first of one has failed.
        let cells = vec![
            cell("a", &[2.0, 20.0, 2.2]),
            cell("b", &[1.0, 10.0, 1.1]),
            cell("c", &[f64::NAN, 10.0, 1.1]),
        ];
        let results = Results {
            cells,
            ..Results::default()
        };
        assert_eq!(results.ratio("p", "a", "b", "cost"), Some(2.0));
        assert_eq!(results.ratio("p", "a", "c", "cost"), Some(2.0));
        assert_eq!(results.figure("p", "a", "cost"), Some(2.2));
        assert_eq!(results.cells[0].range("cost"), Some((2.0, 20.0)));
        assert_eq!(cell("a", &[2.0]).range("cost"), None);
        assert_eq!(results.ratio("p", "a", "d", "cost"), None);
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
        results.begin("q", Sitting::default());
        assert_eq!(results.of("p").count(), 1);
        results.begin("p", Sitting::default());
        assert_eq!(results.of("p").count(), 0);
        assert_eq!(Results::read(&folder.path().join("none")).cells.len(), 0);
    }

    #[test]
    fn the_median_of_two_is_between_them() {
        assert_eq!(median(vec![3.0, 1.0]), Some(2.0));
        assert_eq!(median(Vec::new()), None);
    }
}
