//! Values that the backends hold differently.

use diesel::prelude::{ExpressionMethods as _, QueryDsl as _};
use jiff::Timestamp;
use sql::{Millis, fetch};

use crate::support::{Fresh, insert, readings};

on_both!(times_keep_their_milliseconds_and_their_order);

async fn times_keep_their_milliseconds_and_their_order(fresh: Fresh) {
    let db = fresh.open(2).await;
    insert(&db, "a").await.unwrap();
    let times = [
        "0001-01-01T00:00:00.001Z",
        "1969-12-31T23:59:59.999Z",
        "1999-12-31T23:59:59.999Z",
        "2026-11-23T10:00:00.123Z",
        "9999-12-30T21:59:59.998Z",
    ]
    .map(|at| at.parse::<Timestamp>().unwrap());
    for (number, at) in times.iter().enumerate() {
        let row = (
            readings::id.eq(number.to_string()),
            readings::counter.eq("a"),
            readings::at.eq(Millis::from(*at)),
        );
        let query = diesel::insert_into(readings::table).values(row);
        fetch!(db, write, execute, query).await.unwrap();
    }
    let query = readings::table.order(readings::at.asc()).select(readings::at);
    let read: Vec<Millis> = fetch!(db, read, load, query).await.unwrap();
    assert_eq!(
        read.into_iter().map(Timestamp::from).collect::<Vec<_>>()[2..],
        times[2..]
    );
    let query = readings::table
        .filter(readings::at.lt(Millis::from(times[3])))
        .count();
    let earlier: i64 = fetch!(db, read, get_result, query).await.unwrap();
    assert_eq!(earlier, 3);
}

#[test]
fn finer_times_are_cut_to_milliseconds() {
    let fine: Timestamp = "2026-11-23T10:00:00.123999Z".parse().unwrap();
    let cut: Timestamp = "2026-11-23T10:00:00.123Z".parse().unwrap();
    assert_eq!(Timestamp::from(Millis::from(fine)), cut);
}
