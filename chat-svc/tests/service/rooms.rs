//! Rooms, heads, read marks.

use proto::chat::{
    CreateRoomRequest, EditMessageRequest, GetRoomRequest, HeadsRequest, ListReadMarksRequest,
    ListRoomsRequest, MarkReadRequest,
};
use tonic::Code;

use crate::{
    on_both_stores,
    support::{Store, message, refusal},
};

on_both_stores!(
    three_rooms_are_there_from_the_start,
    a_room_is_made_once,
    rooms_are_listed_in_pages_by_age,
    heads_of_many_rooms_come_at_once,
    read_marks_only_move_forward,
    bad_input_is_named,
);

async fn three_rooms_are_there_from_the_start(store: Store) {
    // Both bring their tables up at the same moment, on a store that has none.
    let (one, other) = tokio::join!(store.service(), store.service());
    for service in [&one, &other] {
        let list = service
            .chat
            .clone()
            .list_rooms(ListRoomsRequest::default())
            .await
            .unwrap();
        let rooms = list.into_inner().rooms;
        let ids: Vec<_> = rooms.iter().map(|room| room.id.as_str()).collect();
        assert_eq!(ids, ["general", "random", "devops"]);
        assert!(
            rooms
                .iter()
                .all(|room| room.last_seq == 0 && room.created_at.is_some())
        );
    }
}

async fn a_room_is_made_once(store: Store) {
    let service = store.service().await;
    let mut chat = service.chat.clone();
    let request = CreateRoomRequest {
        id: "lobby".to_owned(),
        name: "Löbby".to_owned(),
        description: "For all".to_owned(),
    };
    let made = chat.create_room(request.clone()).await.unwrap().into_inner();
    assert_eq!((made.name.as_str(), made.last_seq), ("Löbby", 0));
    assert_eq!(refusal(chat.create_room(request).await).0, Code::AlreadyExists);
    let got = chat
        .get_room(GetRoomRequest {
            room_id: "lobby".to_owned(),
        })
        .await
        .unwrap();
    assert_eq!(got.into_inner(), made);
    let unnamed = service.make_room("unnamed").await;
    assert_eq!(unnamed.name, "unnamed");
    let missing = chat
        .get_room(GetRoomRequest {
            room_id: "nowhere".to_owned(),
        })
        .await;
    assert_eq!(refusal(missing).0, Code::NotFound);
}

async fn rooms_are_listed_in_pages_by_age(store: Store) {
    let service = store.service().await;
    for n in 0..7 {
        service.make_room(&format!("room-{n}")).await;
    }
    let mut seen = Vec::new();
    loop {
        let request = ListRoomsRequest {
            after_room_id: seen.last().cloned().unwrap_or_default(),
            limit: 3,
        };
        let page = service
            .chat
            .clone()
            .list_rooms(request)
            .await
            .unwrap()
            .into_inner()
            .rooms;
        if page.is_empty() {
            break;
        }
        seen.extend(page.into_iter().map(|room| room.id));
    }
    assert_eq!(seen[..3], ["general", "random", "devops"]);
    // Those made within one millisecond stand in the order of their ids, which is the same here.
    let expected: Vec<_> = (0..7).map(|n| format!("room-{n}")).collect();
    assert_eq!(seen[3..], expected[..]);
}

async fn heads_of_many_rooms_come_at_once(store: Store) {
    let service = store.service().await;
    let first = service.say("general", "alice", "hi").await.id;
    service.say("general", "alice", "hi").await;
    let edit = EditMessageRequest {
        room_id: "general".to_owned(),
        message_id: first.clone(),
        user_id: "alice".to_owned(),
        content: "ho".to_owned(),
    };
    service.chat.clone().edit_message(edit).await.unwrap();
    let other = service.say("random", "alice", "hi").await.id;
    let mut room_ids: Vec<String> = (0..5000).map(|n| format!("none-{n}")).collect();
    room_ids.extend(["general", "random", "devops", "general"].map(str::to_owned));
    let answer = service
        .chat
        .clone()
        .heads(HeadsRequest { room_ids })
        .await
        .unwrap();
    let mut heads: Vec<_> = answer
        .into_inner()
        .heads
        .into_iter()
        .map(|h| (h.room_id, h.last_seq, h.last_id))
        .collect();
    heads.sort();
    let expected = [
        ("devops", 0, String::new()),
        ("general", 3, first),
        ("random", 1, other),
    ];
    assert_eq!(heads, expected.map(|(room, seq, id)| (room.to_owned(), seq, id)));
}

async fn read_marks_only_move_forward(store: Store) {
    let service = store.service().await;
    for _ in 0..5 {
        service.say("general", "alice", "hi").await;
    }
    let mark = async |seq: u64, room: &str| {
        let request = MarkReadRequest {
            room_id: room.to_owned(),
            user_id: "bob".to_owned(),
            seq,
        };
        service
            .chat
            .clone()
            .mark_read(request)
            .await
            .map(|answer| answer.into_inner().seq)
    };
    assert_eq!(mark(3, "general").await.unwrap(), 3);
    assert_eq!(mark(2, "general").await.unwrap(), 3);
    assert_eq!(mark(99, "general").await.unwrap(), 5, "the head");
    assert_eq!(mark(0, "random").await.unwrap(), 0);
    assert_eq!(refusal(mark(1, "nowhere").await).0, Code::NotFound);
    let request = ListReadMarksRequest {
        user_id: "bob".to_owned(),
    };
    let marks = service
        .chat
        .clone()
        .list_read_marks(request)
        .await
        .unwrap()
        .into_inner()
        .marks;
    let mut marks: Vec<_> = marks.into_iter().map(|m| (m.room_id, m.last_seq)).collect();
    marks.sort();
    assert_eq!(marks, [("general".to_owned(), 5), ("random".to_owned(), 0)]);
}

async fn bad_input_is_named(store: Store) {
    let service = store.service().await;
    let bad = |field: &str| (Code::InvalidArgument, Some(field.to_owned()));
    let good = || message("general", "alice", "hi");
    let cases = [
        ("room_id", {
            let mut m = good();
            m.room_id = "No Room".to_owned();
            m
        }),
        ("user_id", {
            let mut m = good();
            m.user_id = String::new();
            m
        }),
        ("username", {
            let mut m = good();
            m.username = "a\u{202E}b".to_owned();
            m
        }),
        ("content", {
            let mut m = good();
            m.content = " \n".to_owned();
            m
        }),
        ("content", {
            let mut m = good();
            m.content = "x".repeat(16_001);
            m
        }),
        ("content", {
            let mut m = good();
            m.content = "a\0b".to_owned();
            m
        }),
        ("message_type", {
            let mut m = good();
            m.message_type = "image".to_owned();
            m
        }),
        ("file_url", {
            let mut m = good();
            m.file_url = Some("/api/files/1/download".to_owned());
            m
        }),
        ("file_url", {
            let mut m = good();
            m.message_type = "file".to_owned();
            m.file_url = Some("javascript:alert(1)".to_owned());
            m
        }),
        ("client_msg_id", {
            let mut m = good();
            m.client_msg_id = Some(String::new());
            m
        }),
    ];
    for (field, request) in cases {
        assert_eq!(refusal(service.send(request).await), bad(field));
    }
    let mut chat = service.chat.clone();
    let request = CreateRoomRequest {
        id: "Upper".to_owned(),
        ..Default::default()
    };
    assert_eq!(refusal(chat.create_room(request).await), bad("id"));
    let request = ListRoomsRequest {
        limit: 1001,
        ..Default::default()
    };
    assert_eq!(refusal(chat.list_rooms(request).await), bad("limit"));
    let request = HeadsRequest {
        room_ids: vec!["a".to_owned(); 10_001],
    };
    assert_eq!(refusal(chat.heads(request).await), bad("room_ids"));
    let request = HeadsRequest {
        room_ids: vec!["a\0".to_owned()],
    };
    assert_eq!(refusal(chat.heads(request).await), bad("room_ids"));
    assert!(service.history("general").await.is_empty(), "nothing was stored");
}
