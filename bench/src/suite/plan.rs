//! What is run, how often, and how large.

use crate::workload::Size;

/// What a contender's name ends in where chat-svc sends it the messages, as it does to ChatFlow's edge.
pub(super) const THROUGH_CHAT: &str = "+chat";

/// Peers that also the short plan has.
const NEAREST: [&str; 3] = ["uwebsockets", "nchan", "ws"];

/// A workload of one size on several contenders.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// What results call it.
    pub(super) name: &'static str,
    /// The workload that it runs.
    pub(super) workload: &'static str,
    /// What it varies, where it is one of several.
    x: Option<u64>,
    size: Size,
    edges: usize,
    chats: usize,
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
    pub(super) size: Size,
    pub(super) edges: usize,
    pub(super) chats: usize,
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
            contenders,
        }
    }

    fn sized(mut self, x: u64, size: Size) -> Self {
        self.x = Some(x);
        self.size = size;
        self
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
                    size: self.size.clone(),
                    edges: self.edges,
                    chats: self.chats,
                });
            }
        }
        runs
    }
}

/// All parts, with these peers.
pub(super) fn parts(quick: bool, peers: &[&str]) -> Vec<Part> {
    let seconds = if quick { 2.0 } else { 3.0 };
    let rounds = if quick { 1 } else { 3 };
    let all = |floor: &str| {
        let mut all = vec![
            ("chatflow".to_owned(), rounds),
            (format!("{floor}{THROUGH_CHAT}"), rounds),
            (floor.to_owned(), rounds),
        ];
        for peer in peers.iter().filter(|peer| !quick || NEAREST.contains(peer)) {
            // The others are no near rivals: one round tells.
            all.push((
                (*peer).to_owned(),
                if *peer == "uwebsockets" { rounds } else { 1 },
            ));
        }
        all
    };
    let few = |rounds: usize, names: &[&str]| {
        names
            .iter()
            .map(|name| ((*name).to_owned(), rounds))
            .collect::<Vec<_>>()
    };
    let size = Size {
        seconds: Some(seconds),
        ..Size::default()
    };
    let mut parts = Vec::new();
    for (name, floor) in [
        ("room-single", "floor-each"),
        ("room-burst", "floor-batched"),
        ("small-rooms", "floor-batched"),
    ] {
        let mut part = Part::new(name, name, all(floor));
        part.size = size.clone();
        parts.push(part);
    }
    let mut latency = Part::new(
        "latency",
        "latency",
        few(rounds, &["chatflow", "floor-each+chat", "uwebsockets"]),
    );
    latency.size = size.clone();
    parts.push(latency);
    parts.push(Part::new("idle", "idle", {
        let mut all = all("floor-batched");
        all.retain(|(name, _)| !name.ends_with(THROUGH_CHAT));
        all.into_iter().map(|(name, _)| (name, 1)).collect()
    }));
    for name in ["start", "connect", "resume", "send", "send-sqlite", "files"] {
        parts.push(Part::new(name, name, few(1, &["chatflow"])));
    }
    parts.extend(growth(quick, &size));
    parts
}

fn growth(quick: bool, size: &Size) -> Vec<Part> {
    let rivals = || {
        ["chatflow", "floor-each", "uwebsockets"]
            .map(|name| (name.to_owned(), 1))
            .to_vec()
    };
    let batched = || {
        ["chatflow", "floor-batched", "uwebsockets"]
            .map(|name| (name.to_owned(), 1))
            .to_vec()
    };
    let alone = || vec![("chatflow".to_owned(), 1)];
    let receivers: &[u64] = if quick {
        &[10, 1_000]
    } else {
        &[10, 100, 1_000, 10_000]
    };
    let mut parts = Vec::new();
    for count in receivers {
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let rate = (50_000 / count).min(100) as f64;
        let single = Size {
            sockets: Some(*count),
            rate: Some(rate),
            ..size.clone()
        };
        parts.push(Part::new("receivers-single", "room-single", rivals()).sized(*count, single));
        let burst = Size {
            sockets: Some(*count),
            burst: Some((500_000 / count).clamp(20, 500)),
            ..size.clone()
        };
        parts.push(Part::new("receivers-burst", "room-burst", batched()).sized(*count, burst));
    }
    let rooms: &[u64] = if quick {
        &[10, 1_000]
    } else {
        &[10, 100, 1_000, 10_000]
    };
    for count in rooms {
        let same = Size {
            sockets: Some(10_000),
            room_size: Some(10_000 / count),
            ..size.clone()
        };
        parts.push(Part::new("rooms", "small-rooms", batched()).sized(*count, same));
    }
    for edges in if quick { vec![1, 2] } else { vec![1, 2, 4] } {
        let mut part = Part::new("edges", "wide-room", alone()).sized(
            edges,
            Size {
                rate: Some(2.0),
                ..size.clone()
            },
        );
        part.edges = usize::try_from(edges).unwrap_or(1);
        parts.push(part);
    }
    for chats in [1, 2] {
        let mut part = Part::new("chats", "small-rooms", alone()).sized(chats, size.clone());
        part.chats = usize::try_from(chats).unwrap_or(1);
        parts.push(part);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contenders_take_turns() {
        let part = Part::new("p", "w", vec![("a".into(), 2), ("b".into(), 1)]);
        let order: Vec<String> = part.runs().into_iter().map(|run| run.contender).collect();
        assert_eq!(order, ["a", "b", "a"]);
    }

    #[test]
    fn the_quick_plan_is_the_smaller_one() {
        let runs = |quick| {
            parts(quick, &["uwebsockets", "ws"])
                .iter()
                .map(|part| part.runs().len())
                .sum::<usize>()
        };
        assert!(
            runs(true) * 2 < runs(false) + 20,
            "{} {}",
            runs(true),
            runs(false)
        );
    }
}
