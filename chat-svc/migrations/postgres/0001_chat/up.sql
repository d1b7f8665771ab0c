-- A room and the head of its log. Every append updates the row: room on the page keeps those updates in place.
CREATE TABLE rooms (
    id          TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    created_at  TIMESTAMPTZ NOT NULL DEFAULT date_trunc('milliseconds', now()),
    last_seq    BIGINT NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE INDEX rooms_by_age ON rooms (created_at, id);

-- A message as it is now: `seq` is when it was made, `change_seq` its last change. A deleted one stays as a
-- tombstone without content, so that those who were away hear of the deletion.
CREATE TABLE messages (
    id            TEXT PRIMARY KEY,
    room_id       TEXT NOT NULL REFERENCES rooms (id),
    user_id       TEXT NOT NULL,
    username      TEXT NOT NULL,
    content       TEXT NOT NULL,
    message_type  TEXT NOT NULL DEFAULT 'text',
    file_url      TEXT,
    created_at    TIMESTAMPTZ NOT NULL DEFAULT date_trunc('milliseconds', now()),
    seq           BIGINT NOT NULL,
    change_seq    BIGINT NOT NULL,
    client_msg_id TEXT,
    edited_at     TIMESTAMPTZ,
    deleted_at    TIMESTAMPTZ,
    CONSTRAINT messages_by_seq UNIQUE (room_id, seq),
    CONSTRAINT messages_by_change UNIQUE (room_id, change_seq),
    CONSTRAINT messages_once UNIQUE (room_id, user_id, client_msg_id)
);

-- How far a user has read a room.
CREATE TABLE read_marks (
    user_id TEXT NOT NULL,
    room_id TEXT NOT NULL REFERENCES rooms (id),
    seq     BIGINT NOT NULL,
    PRIMARY KEY (user_id, room_id)
);

-- Who owns a user id.
CREATE TABLE accounts (
    user_id       TEXT PRIMARY KEY,
    username      TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    created_at    TIMESTAMPTZ NOT NULL
);

-- Open sessions, by the SHA-256 of their tokens.
CREATE TABLE sessions (
    token_hash BYTEA PRIMARY KEY,
    user_id    TEXT NOT NULL,
    username   TEXT NOT NULL,
    guest      BOOLEAN NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_end ON sessions (expires_at);

-- Who has yet to be notified of which message.
CREATE TABLE outbox (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id TEXT NOT NULL REFERENCES messages (id),
    user_id    TEXT NOT NULL,
    kind       TEXT NOT NULL,
    due_at     TIMESTAMPTZ NOT NULL,
    attempts   BIGINT NOT NULL DEFAULT 0,
    UNIQUE (message_id, user_id, kind)
);
CREATE INDEX outbox_by_due ON outbox (due_at);

INSERT INTO rooms (id, name, description, created_at)
SELECT id, name, description, date_trunc('milliseconds', now()) + place * INTERVAL '1 millisecond'
FROM (VALUES
    (0, 'general', 'General', 'Everybody, everything'),
    (1, 'random', 'Random', 'What has no other place'),
    (2, 'devops', 'DevOps', 'Builds, deployments, incidents')
) AS first (place, id, name, description)
ON CONFLICT (id) DO NOTHING;
