//! The tables as diesel sees them, alike on both backends.

use diesel::table;

table! {
    rooms (id) {
        id -> Text,
        name -> Text,
        description -> Text,
        created_at -> sql::Moment,
        last_seq -> BigInt,
    }
}

table! {
    messages (id) {
        id -> Text,
        room_id -> Text,
        user_id -> Text,
        username -> Text,
        content -> Text,
        message_type -> Text,
        file_url -> Nullable<Text>,
        created_at -> sql::Moment,
        seq -> BigInt,
        change_seq -> BigInt,
        client_msg_id -> Nullable<Text>,
        edited_at -> Nullable<sql::Moment>,
        deleted_at -> Nullable<sql::Moment>,
    }
}

table! {
    read_marks (user_id, room_id) {
        user_id -> Text,
        room_id -> Text,
        seq -> BigInt,
    }
}

table! {
    accounts (user_id) {
        user_id -> Text,
        username -> Text,
        password_hash -> Text,
        created_at -> sql::Moment,
    }
}

table! {
    sessions (token_hash) {
        token_hash -> Binary,
        user_id -> Text,
        username -> Text,
        guest -> Bool,
        created_at -> sql::Moment,
        expires_at -> sql::Moment,
    }
}

table! {
    outbox (id) {
        id -> BigInt,
        message_id -> Text,
        user_id -> Text,
        kind -> Text,
        due_at -> sql::Moment,
        attempts -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(rooms, messages, read_marks, accounts, sessions, outbox);
