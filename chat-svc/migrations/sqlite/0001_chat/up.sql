-- The same tables as for PostgreSQL, which documents them. Points in time are milliseconds since 1970 in UTC.
CREATE TABLE rooms (
    id          TEXT PRIMARY KEY NOT NULL,
    name        TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    created_at  INTEGER NOT NULL,
    last_seq    INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX rooms_by_age ON rooms (created_at, id);

CREATE TABLE messages (
    id            TEXT PRIMARY KEY NOT NULL,
    room_id       TEXT NOT NULL REFERENCES rooms (id),
    user_id       TEXT NOT NULL,
    username      TEXT NOT NULL,
    content       TEXT NOT NULL,
    message_type  TEXT NOT NULL DEFAULT 'text',
    file_url      TEXT,
    created_at    INTEGER NOT NULL,
    seq           INTEGER NOT NULL,
    change_seq    INTEGER NOT NULL,
    client_msg_id TEXT,
    edited_at     INTEGER,
    deleted_at    INTEGER,
    CONSTRAINT messages_by_seq UNIQUE (room_id, seq),
    CONSTRAINT messages_by_change UNIQUE (room_id, change_seq),
    CONSTRAINT messages_once UNIQUE (room_id, user_id, client_msg_id)
);

CREATE TABLE read_marks (
    user_id TEXT NOT NULL,
    room_id TEXT NOT NULL REFERENCES rooms (id),
    seq     INTEGER NOT NULL,
    PRIMARY KEY (user_id, room_id)
);

CREATE TABLE accounts (
    user_id       TEXT PRIMARY KEY NOT NULL,
    username      TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    created_at    INTEGER NOT NULL
);

CREATE TABLE sessions (
    token_hash BLOB PRIMARY KEY NOT NULL,
    user_id    TEXT NOT NULL,
    username   TEXT NOT NULL,
    guest      BOOLEAN NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_end ON sessions (expires_at);

CREATE TABLE outbox (
    id         INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    message_id TEXT NOT NULL REFERENCES messages (id),
    user_id    TEXT NOT NULL,
    kind       TEXT NOT NULL,
    due_at     INTEGER NOT NULL,
    attempts   INTEGER NOT NULL DEFAULT 0,
    UNIQUE (message_id, user_id, kind)
);
CREATE INDEX outbox_by_due ON outbox (due_at);

INSERT INTO rooms (id, name, description, created_at) VALUES
    ('general', 'General', 'Everybody, everything', unixepoch() * 1000),
    ('random', 'Random', 'What has no other place', unixepoch() * 1000 + 1),
    ('devops', 'DevOps', 'Builds, deployments, incidents', unixepoch() * 1000 + 2)
ON CONFLICT (id) DO NOTHING;
