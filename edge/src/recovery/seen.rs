//! A change of a room's log as somebody saw it: by its seq, and by the message it was of. A log that was set back and went
//! on has the same seqs again, but never the same messages.

use std::borrow::Cow;

use proto::fields::{self, Invalid};
use serde::Deserialize;
use uuid::Uuid;

/// The last change that somebody saw.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Seen {
    /// Its seq; 0 for an empty log.
    pub(crate) seq: u64,
    /// Its message, where that is known.
    pub(crate) id: Option<Uuid>,
}

impl Seen {
    /// A change of a message that is not known.
    pub(crate) fn at(seq: u64) -> Self {
        Self { seq, id: None }
    }

    /// What a client says that it has. An id tells nothing without its seq.
    ///
    /// # Errors
    /// Where the id is none.
    pub(crate) fn by_client(after_seq: Option<u64>, after_id: Option<&str>) -> Result<Option<Self>, Invalid> {
        if let Some(id) = after_id {
            fields::uuid("after_id", id)?;
        }
        let id = after_id.and_then(parse);
        Ok(after_seq.map(|seq| Self { seq, id }))
    }

    /// As services write it: without an id, the id is empty.
    pub(crate) fn by_service(seq: u64, id: &str) -> Self {
        Self { seq, id: parse(id) }
    }

    /// A change as its frame tells of it.
    pub(crate) fn by_frame(seq: u64, json: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Named<'a> {
            #[serde(borrow)]
            id: Cow<'a, str>,
        }
        let named: Option<Named<'_>> = serde_json::from_slice(json).ok();
        Self {
            seq,
            id: named.and_then(|named| parse(&named.id)),
        }
    }

    /// Whether both can't be in one log.
    pub(crate) fn contradicts(self, other: Self) -> bool {
        self.seq == other.seq && matches!((self.id, other.id), (Some(one), Some(two)) if one != two)
    }

    /// Whether who saw this has all of a log that ends with `last`; without an id, its seq has to do.
    pub(crate) fn is_all_of(self, last: Self) -> bool {
        self.seq == last.seq && (self.id.is_none() || self.id == last.id)
    }

    /// The id as frames write it.
    pub(crate) fn id_text(self) -> Option<String> {
        self.id.map(|id| id.to_string())
    }
}

/// A message's id; `None` where it is not one of ours.
pub(crate) fn parse(id: &str) -> Option<Uuid> {
    Uuid::parse_str(id).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "01890000-0000-7000-8000-00000000000a";
    const TWO: &str = "01890000-0000-7000-8000-00000000000b";

    #[test]
    fn a_client_names_what_it_saw() {
        let seen = |seq, id| Seen::by_client(seq, id);
        assert_eq!(seen(None, None), Ok(None));
        assert_eq!(seen(None, Some(ONE)), Ok(None));
        assert_eq!(seen(Some(7), None), Ok(Some(Seen::at(7))));
        let upper = ONE.to_uppercase();
        assert_eq!(seen(Some(7), Some(&upper)), Ok(Some(Seen::by_service(7, ONE))));
        for odd in ["", "m7", &ONE.replace('-', ""), &format!("{{{ONE}}}")] {
            assert_eq!(seen(Some(7), Some(odd)).unwrap_err().field, "after_id", "{odd}");
        }
    }

    #[test]
    fn a_frame_names_its_message() {
        let frame = format!(r#"{{"type":"message_deleted","id":"{ONE}","room_id":"general","seq":7}}"#);
        assert_eq!(Seen::by_frame(7, frame.as_bytes()), Seen::by_service(7, ONE));
        for odd in ["", r#"{"id":7}"#, r#"{"id":"m7"}"#] {
            assert_eq!(Seen::by_frame(7, odd.as_bytes()), Seen::at(7));
        }
    }

    #[test]
    fn only_two_messages_at_one_seq_contradict() {
        let (one, two) = (Seen::by_service(7, ONE), Seen::by_service(7, TWO));
        assert!(one.contradicts(two) && !one.contradicts(one));
        assert!(!one.contradicts(Seen::at(7)) && !Seen::at(7).contradicts(one));
        assert!(!one.contradicts(Seen::by_service(8, TWO)));
        assert!(one.is_all_of(one) && Seen::at(7).is_all_of(one));
        assert!(!one.is_all_of(two) && !one.is_all_of(Seen::at(7)) && !Seen::at(6).is_all_of(one));
    }
}
