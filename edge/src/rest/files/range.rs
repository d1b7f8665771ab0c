//! The `Range` header (RFC 9110 §14): one range of bytes, or the whole.

/// What part of a file is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of it: no range, several ranges, or none that can be understood.
    Whole,
    /// `length` bytes from `offset` on; never empty, never past the end.
    Part {
        /// The first byte.
        offset: u64,
        /// How many.
        length: u64,
    },
    /// A range that no byte of the file is in.
    PastTheEnd,
}

/// Reads the header for a file of `size` bytes.
pub(crate) fn wanted(header: Option<&str>, size: u64) -> Wanted {
    let Some((unit, set)) = header.and_then(|header| header.split_once('=')) else {
        return Wanted::Whole;
    };
    if !unit.trim().eq_ignore_ascii_case("bytes") || set.contains(',') {
        return Wanted::Whole;
    }
    let Some((first, last)) = set.trim().split_once('-') else {
        return Wanted::Whole;
    };
    match (position(first), position(last)) {
        (Position::At(first), last) => {
            let last = match last {
                Position::At(last) if last < first => return Wanted::Whole,
                Position::At(last) => last,
                Position::Open => u64::MAX,
                Position::Odd => return Wanted::Whole,
            };
            if first >= size {
                return Wanted::PastTheEnd;
            }
            let last = last.min(size - 1);
            Wanted::Part {
                offset: first,
                length: last - first + 1,
            }
        }
        (Position::Open, Position::At(suffix)) => {
            let length = suffix.min(size);
            if length == 0 {
                return Wanted::PastTheEnd;
            }
            Wanted::Part {
                offset: size - length,
                length,
            }
        }
        _ => Wanted::Whole,
    }
}

enum Position {
    Open,
    At(u64),
    Odd,
}

fn position(digits: &str) -> Position {
    let digits = digits.trim();
    if digits.is_empty() {
        Position::Open
    } else if digits.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than a u64 holds: past every end there is.
        Position::At(digits.parse().unwrap_or(u64::MAX))
    } else {
        Position::Odd
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_ranges_of_every_form() {
        let part = |offset, length| Wanted::Part { offset, length };
        let cases = [
            ("bytes=0-4", part(0, 5)),
            ("bytes=5-", part(5, 5)),
            ("bytes=-3", part(7, 3)),
            ("bytes=-99", part(0, 10)),
            ("bytes=8-99", part(8, 2)),
            ("bytes=9-9", part(9, 1)),
            ("Bytes = 0-0", part(0, 1)),
            ("bytes=10-", Wanted::PastTheEnd),
            ("bytes=99999999999999999999999-", Wanted::PastTheEnd),
            ("bytes=-0", Wanted::PastTheEnd),
            ("bytes=4-2", Wanted::Whole),
            ("bytes=0-1,3-4", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("bytes=0-b", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
            ("lines=0-4", Wanted::Whole),
            ("nonsense", Wanted::Whole),
        ];
        for (header, expected) in cases {
            assert_eq!(wanted(Some(header), 10), expected, "{header}");
        }
        assert_eq!(wanted(None, 10), Wanted::Whole);
    }

    #[test]
    fn an_empty_file_has_no_part() {
        assert_eq!(wanted(Some("bytes=0-"), 0), Wanted::PastTheEnd);
        assert_eq!(wanted(Some("bytes=-1"), 0), Wanted::PastTheEnd);
    }
}
