use proptest::prelude::*;

use super::*;

fn code(text: &str) -> ErrorCode {
    parse(text).unwrap_err().code
}

#[test]
fn the_frames_of_the_contract_are_understood() {
    let message = |content: &str, message_type, file_url: Option<&str>| {
        ClientFrame::Message(Outgoing {
            room_id: None,
            content: content.to_owned(),
            message_type,
            file_url: file_url.map(str::to_owned),
            client_msg_id: None,
        })
    };
    let general = || Some("general".to_owned());
    let url = "/api/files/123/download";
    let cases = [
        (
            r#"{"type":"message","content":"Hello!"}"#,
            message("Hello!", "text", None),
        ),
        (
            r#"{"type":"message","content":"file.png","message_type":"file","file_url":"/api/files/123/download"}"#,
            message("file.png", "file", Some(url)),
        ),
        (
            r#"{"type":"message","content":"x","message_type":"voice","file_url":"ignored"}"#,
            message("x", "text", None),
        ),
        (r#"{"type":"typing"}"#, ClientFrame::Typing { room_id: None }),
        (
            r#"{"type":"stop_typing","room_id":"general"}"#,
            ClientFrame::StopTyping { room_id: general() },
        ),
        (
            r#"{"type":"subscribe","room_id":"general","after_seq":41,"unknown":{"deep":[1,2]}}"#,
            ClientFrame::Subscribe {
                room_id: "general".to_owned(),
                after: Some(Seen::at(41)),
            },
        ),
        (
            r#"{"type":"subscribe","room_id":"general","after_seq":41,"after_id":"01890000-0000-7000-8000-00000000000A"}"#,
            ClientFrame::Subscribe {
                room_id: "general".to_owned(),
                after: Some(Seen::by_service(41, "01890000-0000-7000-8000-00000000000a")),
            },
        ),
        (
            r#"{"type":"subscribe","room_id":"general","after_seq":null,"after_id":null}"#,
            ClientFrame::Subscribe {
                room_id: "general".to_owned(),
                after: None,
            },
        ),
        (
            r#" {"type":"unsubscribe","room_id":"general"} "#,
            ClientFrame::Unsubscribe {
                room_id: "general".to_owned(),
            },
        ),
        (
            r#"{"type":"read","room_id":"general","seq":44}"#,
            ClientFrame::Read {
                room_id: general(),
                seq: 44,
            },
        ),
        (r#"{"type":"ping"}"#, ClientFrame::Ping),
    ];
    for (text, frame) in cases {
        assert_eq!(parse(text), Ok(frame), "{text}");
    }
}

#[test]
fn what_is_wrong_gets_its_code() {
    let nested = format!(
        "{{\"type\":\"ping\",\"x\":{}{}}}",
        "[".repeat(20_000),
        "]".repeat(20_000)
    );
    let long = format!(r#"{{"type":"message","content":"{}"}}"#, "x".repeat(16_001));
    let cases = [
        ("", ErrorCode::BadFrame),
        ("hello", ErrorCode::BadFrame),
        ("null", ErrorCode::BadFrame),
        (
            r#"["ping",null,null,null,null,null,null,null]"#,
            ErrorCode::BadFrame,
        ),
        ("{}", ErrorCode::BadFrame),
        (r#"{"type":5}"#, ErrorCode::BadFrame),
        (r#"{"type":"message","content":5}"#, ErrorCode::BadFrame),
        (
            r#"{"type":"message","content":"x","client_msg_id":""}"#,
            ErrorCode::BadFrame,
        ),
        (r#"{"type":"message","content":"a\u0000b"}"#, ErrorCode::BadFrame),
        (
            r#"{"type":"message","content":"x","message_type":"file","file_url":"javascript:x"}"#,
            ErrorCode::BadFrame,
        ),
        (r#"{"type":"subscribe"}"#, ErrorCode::BadFrame),
        (r#"{"type":"subscribe","room_id":"No Such"}"#, ErrorCode::BadFrame),
        (
            r#"{"type":"subscribe","room_id":"general","after_seq":-1}"#,
            ErrorCode::BadFrame,
        ),
        (
            r#"{"type":"subscribe","room_id":"general","after_seq":1,"after_id":"m1"}"#,
            ErrorCode::BadFrame,
        ),
        (
            r#"{"type":"subscribe","room_id":"general","after_seq":1,"after_id":1}"#,
            ErrorCode::BadFrame,
        ),
        (r#"{"type":"read","room_id":"general"}"#, ErrorCode::BadFrame),
        (nested.as_str(), ErrorCode::BadFrame),
        (r#"{"type":"shout"}"#, ErrorCode::UnknownType),
        (r#"{"type":"message"}"#, ErrorCode::Empty),
        (r#"{"type":"message","content":" \n\t "}"#, ErrorCode::Empty),
        (long.as_str(), ErrorCode::TooLong),
    ];
    for (text, expected) in cases {
        assert_eq!(code(text), expected, "{}", &text[..text.len().min(80)]);
    }
}

#[test]
fn a_rejected_message_keeps_its_name() {
    let text = r#"{"type":"message","content":"","client_msg_id":"c-1","room_id":"general"}"#;
    let rejected = parse(text).unwrap_err();
    assert_eq!(rejected.client_msg_id.as_deref(), Some("c-1"));
    assert_eq!(rejected.room_id.as_deref(), Some("general"));
}

#[test]
fn a_wrong_id_is_named() {
    let text = r#"{"type":"subscribe","room_id":"general","after_seq":1,"after_id":"m1"}"#;
    let rejected = parse(text).unwrap_err();
    assert_eq!(rejected.message, "after_id: must be a UUID");
    assert_eq!(rejected.room_id.as_deref(), Some("general"));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,300}") {
        let _ = parse(&text);
    }

    #[test]
    fn no_object_makes_it_panic(
        kind in "message|typing|subscribe|read|ping|\\PC{0,9}",
        field in "content|room_id|seq|after_seq|after_id|client_msg_id|\\PC{0,9}",
        value in "null|true|-?[0-9]{1,25}|\"\\PC{0,40}\"|\\[\\]|\\{\\}",
    ) {
        let _ = parse(&format!("{{\"type\":\"{kind}\",\"{field}\":{value}}}"));
    }

    #[test]
    fn content_up_to_the_limit_is_taken_as_it_is(content in "[^\\x00]{1,300}") {
        prop_assume!(!content.trim().is_empty());
        let text = serde_json::json!({"type": "message", "content": content}).to_string();
        match parse(&text) {
            Ok(ClientFrame::Message(outgoing)) => prop_assert_eq!(outgoing.content, content),
            other => prop_assert!(false, "{:?}", other),
        }
    }
}
