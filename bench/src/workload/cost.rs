//! What a piece of work costs everybody who takes part.

use crate::{clock, contender::Running, fault::Result, load::Load, proc, record::Record};

/// What everybody had used when the work began.
pub(super) struct Cost {
    at: u64,
    servers: u64,
    generator: u64,
    others: Vec<(String, u64)>,
}

impl Cost {
    /// What everybody has used by now.
    pub(super) fn begin(running: &Running, load: &Load) -> Result<Self> {
        let others = running
            .others
            .iter()
            .map(|other| Ok((other.name.clone(), other.cpu()?)));
        Ok(Self {
            others: others.collect::<Result<_>>()?,
            generator: proc::cpu(load.pid()?),
            servers: servers(running)?,
            at: clock::now(),
        })
    }

    /// Puts into the record what was used since.
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    pub(super) fn end(
        self,
        running: &Running,
        load: &Load,
        deliveries: u64,
        record: &mut Record,
    ) -> Result<()> {
        let seconds = clock::seconds(self.at, clock::now());
        let servers = servers(running)? - self.servers;
        let generator = proc::cpu(load.pid()?) - self.generator;
        let each = |nanoseconds: u64| nanoseconds as f64 / 1e3 / deliveries.max(1) as f64;
        let cores = |nanoseconds: u64| nanoseconds as f64 / 1e9 / seconds;
        record.set("server_cpu_us_per_delivery", each(servers));
        record.set("generator_cpu_us_per_delivery", each(generator));
        record.set("server_cores", cores(servers));
        record.set("generator_cores", cores(generator));
        record.set("cost_seconds", seconds);
        for (name, before) in self.others {
            let now: u64 = running
                .others
                .iter()
                .filter(|other| other.name == name)
                .map(super::super::contender::Server::cpu)
                .sum::<Result<u64>>()?;
            let entry = record.figures.entry(format!("{name}_cores")).or_default();
            *entry = cores(now.saturating_sub(before));
        }
        Ok(())
    }
}

fn servers(running: &Running) -> Result<u64> {
    running.servers.iter().map(crate::contender::Server::cpu).sum()
}
