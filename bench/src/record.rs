//! What one run of one workload on one contender gave.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{circumstances::Circumstances, control::Spread};

/// The figure that counts most: what a delivery costs the process that holds the sockets, in microseconds of processor time.
pub(crate) const COST: &str = "server_cpu_us_per_delivery";

/// What one run of one workload on one contender gave. The unit is the end of a figure's name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// What was done.
    pub(crate) workload: String,
    /// By whom.
    pub(crate) contender: String,
    /// What was measured.
    pub(crate) figures: BTreeMap<String, f64>,
    /// What a reader has to know.
    pub(crate) notes: Vec<String>,
}

/// A record that stands by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Dated {
    /// Where and when it was made.
    #[serde(default)]
    pub(crate) circumstances: Circumstances,
    /// What was made.
    #[serde(flatten)]
    pub(crate) record: Record,
}

impl Record {
    /// A record without figures.
    pub(crate) fn new(workload: &str, contender: &str) -> Self {
        Self {
            workload: workload.into(),
            contender: contender.into(),
            figures: BTreeMap::new(),
            notes: Vec::new(),
        }
    }

    /// Adds a figure.
    pub(crate) fn set(&mut self, name: &str, value: f64) {
        self.figures.insert(name.into(), value);
    }

    /// Adds what is known of a spread.
    pub(crate) fn spread(&mut self, name: &str, spread: Option<Spread>) {
        if let Some(spread) = spread {
            self.set(&format!("{name}_p50_ms"), spread.p50);
            self.set(&format!("{name}_p99_ms"), spread.p99);
            self.set(&format!("{name}_max_ms"), spread.max);
        }
    }
}
