CREATE TABLE files (
    id TEXT PRIMARY KEY NOT NULL,
    original_name TEXT NOT NULL,
    content_type TEXT NOT NULL,
    size_bytes BIGINT NOT NULL CHECK (size_bytes >= 0),
    minio_key TEXT NOT NULL UNIQUE,
    room_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    sha256 TEXT NOT NULL
);
CREATE INDEX files_by_room ON files (room_id, created_at DESC, id DESC);
CREATE INDEX files_by_time ON files (created_at DESC, id DESC);
