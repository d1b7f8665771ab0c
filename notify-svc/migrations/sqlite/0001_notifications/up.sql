CREATE TABLE notifications (
  id TEXT PRIMARY KEY NOT NULL,
  user_id TEXT NOT NULL,
  title TEXT NOT NULL,
  body TEXT NOT NULL,
  notif_type TEXT NOT NULL,
  room_id TEXT,
  is_read BOOLEAN NOT NULL DEFAULT FALSE,
  -- Milliseconds since 1970-01-01T00:00:00Z.
  created_at INTEGER NOT NULL,
  -- What makes a repeat recognisable; several rows may have none.
  source TEXT UNIQUE
);

CREATE INDEX notifications_of_user ON notifications (user_id, created_at DESC, id DESC);
