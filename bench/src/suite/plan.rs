//! What is run, how often, and how large.

mod comparison;
mod growth;

use std::time::Duration;

use crate::workload::Size;

/// How long a run may take before it is given up, where nothing else is said.
const PATIENCE: Duration = Duration::from_mins(2);

/// A whole plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    /// All contenders over the same work.
    Comparison,
    /// How costs change with sizes and with what is switched on.
    Growth,
}

impl Plan {
    /// Its parts, with these peers.
    pub(super) fn parts(self, quick: bool, peers: &[&str]) -> Vec<Part> {
        match self {
            Self::Comparison => comparison::parts(quick, peers),
            Self::Growth => growth::parts(quick),
        }
    }
}

/// A workload of one size on several contenders.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// What results call it.
    pub(super) name: &'static str,
    /// The workload that it runs.
    workload: &'static str,
    /// What it varies, where it is one of several.
    x: Option<u64>,
    size: Size,
    edges: usize,
    chats: usize,
    patience: Duration,
    /// With whom, and how many rounds.
    contenders: Vec<(String, usize)>,
}

/// One run of it.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) part: &'static str,
    pub(super) workload: &'static str,
    pub(super) x: Option<u64>,
    pub(super) contender: String,
    pub(super) round: usize,
    pub(super) size: Size,
    pub(super) edges: usize,
    pub(super) chats: usize,
    pub(super) patience: Duration,
}

impl Part {
    fn new(name: &'static str, workload: &'static str, contenders: Vec<(String, usize)>) -> Self {
        Self {
            name,
            workload,
            x: None,
            size: Size::default(),
            edges: 1,
            chats: 1,
            patience: PATIENCE,
            contenders,
        }
    }

    fn of_size(mut self, size: &Size) -> Self {
        self.size = size.clone();
        self
    }

    fn at(mut self, x: u64) -> Self {
        self.x = Some(x);
        self
    }

    fn edges(mut self, edges: u64) -> Self {
        self.edges = usize::try_from(edges).unwrap_or(1);
        self
    }

    fn chats(mut self, chats: u64) -> Self {
        self.chats = usize::try_from(chats).unwrap_or(1);
        self
    }

    fn patient(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Whether this contender takes part.
    pub(super) fn has(&self, contender: &str) -> bool {
        self.contenders.iter().any(|(name, _)| name == contender)
    }

    /// The runs in their order: contenders take turns, so that what disturbs the machine for a while disturbs all.
    pub(super) fn runs(&self) -> Vec<Run> {
        let most = self
            .contenders
            .iter()
            .map(|(_, rounds)| *rounds)
            .max()
            .unwrap_or(0);
        let mut runs = Vec::new();
        for round in 0..most {
            for (contender, _) in self.contenders.iter().filter(|(_, rounds)| *rounds > round) {
                runs.push(Run {
                    part: self.name,
                    workload: self.workload,
                    x: self.x,
                    contender: contender.clone(),
                    round,
                    size: self.size.clone(),
                    edges: self.edges,
                    chats: self.chats,
                    patience: self.patience,
                });
            }
        }
        runs
    }
}

fn each(rounds: usize, names: &[&str]) -> Vec<(String, usize)> {
    names.iter().map(|name| ((*name).to_owned(), rounds)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload;

    #[test]
    fn contenders_take_turns() {
        let part = Part::new("p", "w", vec![("a".into(), 2), ("b".into(), 1)]);
        let order: Vec<String> = part.runs().into_iter().map(|run| run.contender).collect();
        assert_eq!(order, ["a", "b", "a"]);
    }

    #[test]
    fn the_quick_plan_is_the_smaller_one() {
        for plan in [Plan::Comparison, Plan::Growth] {
            let runs = |quick| {
                let parts = plan.parts(quick, &["uwebsockets", "ws"]);
                parts.iter().map(|part| part.runs().len()).sum::<usize>()
            };
            assert!(runs(true) * 3 < runs(false) * 2, "{} {}", runs(true), runs(false));
        }
    }

    #[test]
    fn every_part_names_a_workload() {
        for plan in [Plan::Comparison, Plan::Growth] {
            for part in plan.parts(false, &[]) {
                assert!(workload::NAMES.contains(&part.workload), "{}", part.workload);
            }
        }
    }
}
