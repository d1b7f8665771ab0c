//! Which server of a cluster has which slots, as the cluster tells.

use std::fmt;

use redis::Value;

use super::slot::SLOTS;

/// Ranges that are taken in: more than there are slots make no sense.
const RANGES: usize = SLOTS as usize;

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Topology {
    /// First and last slot of each range, and who has it; in their order.
    ranges: Vec<(u16, u16, Address)>,
}

impl Topology {
    /// From the answer to CLUSTER SLOTS. `asked` is the host that gave it, for servers that don't know their own. `None`
    /// where it is no such answer, or of no slots.
    pub(super) fn read(answer: &Value, asked: &str) -> Option<Self> {
        let Value::Array(ranges) = answer else {
            return None;
        };
        let ranges = ranges.iter().take(RANGES).map(|range| read_range(range, asked));
        let mut ranges = ranges.collect::<Option<Vec<_>>>()?;
        ranges.sort_unstable();
        (!ranges.is_empty()).then_some(Self { ranges })
    }

    /// Who has a slot.
    pub(super) fn owner(&self, slot: u16) -> Option<&Address> {
        let at = self.ranges.partition_point(|(_, last, _)| *last < slot);
        let (first, _, address) = self.ranges.get(at)?;
        (*first <= slot).then_some(address)
    }

    /// All who have any.
    pub(super) fn servers(&self) -> impl Iterator<Item = &Address> {
        self.ranges.iter().map(|(.., address)| address)
    }

    /// How many slots somebody has.
    pub(super) fn slots(&self) -> u32 {
        let counts = self.ranges.iter();
        counts.map(|(first, last, _)| u32::from(last - first) + 1).sum()
    }

    /// Whether somebody has each.
    pub(super) fn is_whole(&self) -> bool {
        self.slots() >= u32::from(SLOTS)
    }
}

/// First slot, last slot, the one that has them; then its replicas.
fn read_range(range: &Value, asked: &str) -> Option<(u16, u16, Address)> {
    let Value::Array(range) = range else {
        return None;
    };
    let [first, last, server, ..] = &range[..] else {
        return None;
    };
    let (first, last) = (number(first)?, number(last)?);
    let Value::Array(server) = server else {
        return None;
    };
    let [host, port, ..] = &server[..] else {
        return None;
    };
    let host = match host {
        Value::BulkString(host) => String::from_utf8(host.clone()).ok()?,
        Value::SimpleString(host) => host.clone(),
        _ => String::new(),
    };
    let address = Address {
        host: if host.is_empty() || host == "?" {
            asked.to_owned()
        } else {
            host
        },
        port: number(port)?,
    };
    (first <= last && last < SLOTS).then_some((first, last, address))
}

fn number(value: &Value) -> Option<u16> {
    match value {
        Value::Int(number) => u16::try_from(*number).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(first: i64, last: i64, host: Value, port: i64) -> Value {
        let server = Value::Array(vec![host, Value::Int(port), Value::Nil, Value::Map(Vec::new())]);
        Value::Array(vec![Value::Int(first), Value::Int(last), server.clone(), server])
    }

    fn text(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    #[test]
    fn each_slot_has_one_owner() {
        let answer = Value::Array(vec![
            range(8000, 16383, text("b"), 2),
            range(0, 99, text("a"), 1),
            range(101, 7999, text(""), 3),
        ]);
        let topology = Topology::read(&answer, "asked").unwrap();
        let owner = |slot| topology.owner(slot).map(ToString::to_string);
        for (slot, expected) in [
            (0, "a:1"),
            (99, "a:1"),
            (101, "asked:3"),
            (8000, "b:2"),
            (16383, "b:2"),
        ] {
            assert_eq!(owner(slot).as_deref(), Some(expected), "{slot}");
        }
        assert_eq!(owner(100), None);
        assert!(!topology.is_whole());
        let whole = Value::Array(vec![range(0, 16383, text("a"), 1)]);
        assert!(Topology::read(&whole, "asked").unwrap().is_whole());
    }

    #[test]
    fn what_is_no_such_answer_is_not_taken_in() {
        for odd in [
            Value::Nil,
            Value::Array(Vec::new()),
            Value::Array(vec![Value::Nil]),
            Value::Array(vec![range(5, 4, text("a"), 1)]),
            Value::Array(vec![range(0, 16384, text("a"), 1)]),
            Value::Array(vec![range(-1, 4, text("a"), 1)]),
            Value::Array(vec![range(0, 4, text("a"), 70_000)]),
        ] {
            assert_eq!(Topology::read(&odd, "asked"), None, "{odd:?}");
        }
    }
}
