CREATE TABLE notifications (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL,
  title TEXT NOT NULL,
  body TEXT NOT NULL,
  notif_type TEXT NOT NULL,
  room_id TEXT,
  is_read BOOLEAN NOT NULL DEFAULT FALSE,
  created_at TIMESTAMPTZ NOT NULL,
  -- What makes a repeat recognisable; several rows may have none.
  source TEXT UNIQUE
);

CREATE INDEX notifications_of_user ON notifications (user_id, created_at DESC, id DESC);
