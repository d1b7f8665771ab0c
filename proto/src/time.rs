//! Points in time between the wire (protobuf, RFC 3339) and the code (jiff), in UTC with millisecond precision.

use jiff::{SignedDuration, Timestamp, Unit};

/// Cuts a point in time to whole milliseconds, the precision of every store and frame.
pub fn to_millis(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

/// RFC 3339 in UTC with three fractional digits: `2026-11-23T10:00:00.123Z`.
pub fn rfc3339(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// To protobuf.
pub fn to_proto(at: Timestamp) -> prost_types::Timestamp {
    let since_epoch = at.as_duration();
    let (mut seconds, mut nanos) = (since_epoch.as_secs(), since_epoch.subsec_nanos());
    if nanos < 0 {
        seconds -= 1;
        nanos += 1_000_000_000;
    }
    prost_types::Timestamp { seconds, nanos }
}

/// From protobuf; `None` where the value is outside what a timestamp can be.
pub fn from_proto(at: &prost_types::Timestamp) -> Option<Timestamp> {
    Timestamp::from_duration(SignedDuration::new(at.seconds, at.nanos)).ok()
}

/// The system clock's now, in whole milliseconds.
pub fn now() -> Timestamp {
    Timestamp::now()
        .round(Unit::Millisecond)
        .map_or_else(|_| Timestamp::now(), to_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_the_wire_before_and_after_the_epoch() {
        for millis in [-1_500, -1, 0, 1, 1_795_428_000_123] {
            let at = Timestamp::from_millisecond(millis).unwrap();
            let wire = to_proto(at);
            assert!((0..1_000_000_000).contains(&wire.nanos));
            assert_eq!(from_proto(&wire), Some(at));
        }
    }

    #[test]
    fn prints_three_fractional_digits() {
        let at = Timestamp::from_millisecond(1_795_428_000_000).unwrap();
        assert_eq!(rfc3339(at), "2026-11-23T10:00:00.000Z");
    }
}
