//! What can be planted in a good history, and what the checker has to call it.

mod answers;
mod frames;
mod places;
mod reads;
mod store;

use chaos::{check::Invariant, history::History};
use rand_chacha::ChaCha8Rng;

/// Plants something at a place drawn at random; `None` where the history has no such place.
type Plant = fn(&mut History, &mut ChaCha8Rng) -> Option<()>;

/// Something to plant.
pub(crate) struct Operator {
    pub(crate) name: &'static str,
    pub(crate) kind: Invariant,
    pub(crate) plant: Plant,
}

const fn plants(name: &'static str, kind: Invariant, plant: Plant) -> Operator {
    Operator { name, kind, plant }
}

/// Everything that can be planted.
#[rustfmt::skip]
pub(crate) const OPERATORS: &[Operator] = &[
    plants("a stored message is lost", Invariant::AckedIsStored, store::lost),
    plants("a stored message has another id", Invariant::AckedIsStored, store::other_id),
    plants("a stored message has another author", Invariant::AckedIsStored, store::other_author),
    plants("an ack tells another seq", Invariant::AckedIsStored, answers::ack_of_other_seq),
    plants("an ack tells another id", Invariant::AckedIsStored, answers::ack_of_other_id),
    plants("an ack tells of another message", Invariant::AckedIsStored, answers::ack_of_other_message),
    plants("an ack of what was never stored", Invariant::AckedIsStored, answers::ack_of_nothing),
    plants("two messages are stored under one name", Invariant::OneMessagePerName, store::twice),
    plants("a second ack tells another id", Invariant::OneMessagePerName, answers::second_ack_of_other_id),
    plants("a second ack tells another seq", Invariant::OneMessagePerName, answers::second_ack_of_other_seq),
    plants("a number has no message", Invariant::StoredIsWhole, store::hole),
    plants("the last message is lost", Invariant::StoredIsWhole, store::lost_end),
    plants("last_seq is too high", Invariant::StoredIsWhole, store::last_seq_too_high),
    plants("last_seq is too low", Invariant::StoredIsWhole, store::last_seq_too_low),
    plants("two messages have one seq", Invariant::StoredIsWhole, store::one_seq_for_two),
    plants("two messages have one change_seq", Invariant::StoredIsWhole, store::one_change_seq_for_two),
    plants("a message is made with another's change", Invariant::StoredIsWhole, store::one_number_for_two),
    plants("two messages have one id", Invariant::StoredIsWhole, store::one_id_for_two),
    plants("a message changes before it is made", Invariant::StoredIsWhole, store::changed_before_made),
    plants("a message is deleted without a seq", Invariant::StoredIsWhole, store::deleted_without_seq),
    plants("a message has seq 0", Invariant::StoredIsWhole, store::made_with_nothing),
    plants("what is stored was never sent", Invariant::NothingFromNowhere, answers::never_sent),
    plants("what is stored was sent elsewhere", Invariant::NothingFromNowhere, answers::sent_elsewhere),
    plants("a stored message says something else", Invariant::NothingFromNowhere, store::other_content),
    plants("an ack comes before its message", Invariant::NothingFromNowhere, answers::acked_before_sent),
    plants("a refusal comes before its message", Invariant::NothingFromNowhere, answers::refused_before_sent),
    plants("a refusal of what was never sent", Invariant::NothingFromNowhere, answers::refused_without_message),
    plants("a frame of what was never sent", Invariant::NothingFromNowhere, frames::ghost),
    plants("an old frame says something else", Invariant::NothingFromNowhere, frames::old_with_other_content),
    plants("a frame of what is not stored", Invariant::SeenIsStored, frames::unstored),
    plants("a frame has another id", Invariant::SeenIsStored, frames::other_id),
    plants("a frame has another author", Invariant::SeenIsStored, frames::other_author),
    plants("a frame has another name", Invariant::SeenIsStored, frames::other_name),
    plants("a frame says something else", Invariant::SeenIsStored, frames::other_content),
    plants("a frame tells of a deletion that was none", Invariant::SeenIsStored, frames::deleted),
    plants("a frame shows what is deleted", Invariant::SeenIsStored, frames::undeleted),
    plants("an old frame tells of another message", Invariant::SeenIsStored, frames::old_with_other_id),
    plants("an old frame has another author", Invariant::SeenIsStored, frames::old_with_other_author),
    plants("an old frame tells of a deletion", Invariant::SeenIsStored, frames::old_deletion),
    plants("two people see two texts of an edit", Invariant::SeenIsStored, frames::old_seen_differently),
    plants("a change is stored that nobody saw so", Invariant::SeenIsStored, store::other_change_seq),
    plants("a subscription is not confirmed", Invariant::OnlyWhereJoined, frames::not_joined),
    plants("a frame comes on a closed connection", Invariant::OnlyWhereJoined, frames::after_leaving),
    plants("a reset comes without a subscription", Invariant::OnlyWhereJoined, frames::reset_without_subscription),
    plants("a frame comes twice in a row", Invariant::Repeat, frames::twice_in_a_row),
    plants("a frame comes again later", Invariant::Repeat, frames::again_later),
    plants("two frames are swapped", Invariant::Repeat, frames::swapped),
    plants("a resumption starts too early", Invariant::Repeat, frames::resumed_too_early),
    plants("a frame is left out", Invariant::Gap, frames::left_out),
    plants("a resumption starts too late", Invariant::Gap, frames::resumed_too_late),
    plants("a subscription begins later than told", Invariant::Gap, frames::began_later_than_told),
    plants("a reset goes forwards", Invariant::Gap, frames::reset_forwards),
    plants("somebody lacks the end of the log", Invariant::EverythingReachesEverybody, frames::lost_end),
    plants("somebody resumes and hears nothing more", Invariant::EverythingReachesEverybody, frames::deaf),
    plants("somebody is there without a subscription", Invariant::EverythingReachesEverybody, frames::never_there),
    plants("a page is stale", Invariant::ReadYourWrites, reads::stale),
    plants("a page lacks one own message", Invariant::ReadYourWrites, reads::without_own),
    plants("a page is empty", Invariant::ReadYourWrites, reads::empty),
    plants("a page is not in order", Invariant::PagesAreStored, reads::unordered),
    plants("a page has a message twice", Invariant::PagesAreStored, reads::repeated),
    plants("a page has what is not stored", Invariant::PagesAreStored, reads::unstored),
    plants("a page has a message with another seq", Invariant::PagesAreStored, reads::other_seq),
    plants("a page leaves a message out", Invariant::PagesAreStored, reads::left_out),
    plants("a page that is whole begins too late", Invariant::PagesAreStored, reads::without_beginning),
    plants("an ack never comes", Invariant::NothingIsForgotten, answers::never_acked),
];
