DROP TABLE outbox;
DROP TABLE sessions;
DROP TABLE accounts;
DROP TABLE read_marks;
DROP TABLE messages;
DROP TABLE rooms;
