//! What a piece of work costs everybody who takes part.

use std::collections::BTreeMap;

use test_support::sampling::Sampling;

use crate::{
    clock,
    contender::{Running, Server},
    fault::{Doing as _, Result},
    load::Load,
    proc,
    record::{COST, Record},
};

/// What everybody had used when the work began.
pub(super) struct Cost {
    at: u64,
    servers: u64,
    generators: (Vec<u32>, u64),
    others: BTreeMap<String, u64>,
    sampling: Option<Sampling>,
}

impl Cost {
    /// What everybody has used by now.
    pub(super) fn begin<'a>(running: &Running, loads: impl IntoIterator<Item = &'a Load>) -> Result<Self> {
        let generators: Vec<u32> = loads.into_iter().map(Load::pid).collect::<Result<_>>()?;
        let sampling = match &running.profile {
            Some(file) => {
                let pids = running.servers.iter().map(Server::pid);
                Some(Sampling::begin(&pids.collect::<Result<Vec<_>>>()?, file).doing("starting perf")?)
            }
            None => None,
        };
        Ok(Self {
            sampling,
            others: others(running)?,
            generators: (generators.clone(), sum(&generators)),
            servers: servers(running)?,
            at: clock::now(),
        })
    }

    /// Puts into the record what was used since.
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    pub(super) fn end(self, running: &Running, deliveries: u64, record: &mut Record) -> Result<()> {
        let seconds = clock::seconds(self.at, clock::now());
        let servers = servers(running)? - self.servers;
        let (generators, before) = self.generators;
        let generators = sum(&generators) - before;
        let each = |nanoseconds: u64| nanoseconds as f64 / 1e3 / deliveries.max(1) as f64;
        let cores = |nanoseconds: u64| nanoseconds as f64 / 1e9 / seconds;
        record.set(COST, each(servers));
        record.set("generator_cpu_us_per_delivery", each(generators));
        record.set("server_cores", cores(servers));
        record.set("generator_cores", cores(generators));
        record.set("cost_seconds", seconds);
        for (name, now) in others(running)? {
            let before = self.others.get(&name).copied().unwrap_or(0);
            record.set(&format!("{name}_cores"), cores(now.saturating_sub(before)));
        }
        self.sampling.map_or(Ok(()), Sampling::end).doing("sampling")
    }

    /// As [`Self::end`], for work that is told under a name of its own and counted in units of its own.
    pub(super) fn end_as(
        self,
        running: &Running,
        (count, unit): (u64, &str),
        name: &str,
        record: &mut Record,
    ) -> Result<()> {
        let mut one = Record::new("", "");
        self.end(running, count, &mut one)?;
        for (figure, value) in one.figures {
            record.set(&format!("{name}_{}", figure.replace("delivery", unit)), value);
        }
        Ok(())
    }
}

fn servers(running: &Running) -> Result<u64> {
    running.servers.iter().map(Server::cpu).sum()
}

fn sum(pids: &[u32]) -> u64 {
    pids.iter().copied().map(proc::cpu).sum()
}

/// What the others have used by now; those of one name together.
fn others(running: &Running) -> Result<BTreeMap<String, u64>> {
    let mut used = BTreeMap::new();
    for other in &running.others {
        *used.entry(other.name.clone()).or_default() += other.cpu()?;
    }
    Ok(used)
}
