import assert from "node:assert/strict";
import { test } from "node:test";
import { Store } from "../client/store.js";
import { ReadMarks } from "../client/read-marks.js";
import { mentionPattern } from "../client/room.js";

const me = { user_id: "mia", username: "Mia" };
const info = (id, last_seq = 0) => ({ id, name: id, description: "", created_at: "2026-11-23T10:00:00Z", last_seq });
const frame = (seq, more = {}) => ({
  type: "message", id: `m${seq}`, room_id: "general", user_id: "alice", username: "Alice", content: "hi", message_type: "text",
  timestamp: new Date(Date.UTC(2026, 10, 23, 10, 0, seq)).toISOString(), seq, ...more,
});
const opened = (last_seq, marks) => {
  const store = new Store(me);
  store.addRooms([info("general", last_seq), info("random", 5)]);
  store.setMarks(marks);
  return store;
};

test("who is new here has nothing unread, and the server is told", () => {
  const store = new Store(me);
  store.addRooms([info("general", 40), info("empty")]);
  store.setMarks([]);
  const room = store.room("general");
  assert.equal(room.unread("mia"), 0);
  const sent = [];
  const marks = new ReadMarks((frame) => sent.push(frame) > 0);
  marks.tell(room);
  assert.deepEqual(sent, [], "not before the server knows that one is in the room");
  room.subscribed = true;
  marks.tell(room);
  assert.deepEqual(sent, [{ type: "read", room_id: "general", seq: 40 }]);
  marks.stop();
});

test("a room made while away is unread from its start", () => {
  const store = opened(10, [{ room_id: "general", seq: 8 }]);
  assert.equal(store.room("general").unread("mia"), 2);
  assert.equal(store.room("random").unread("mia"), 5);
});

test("live messages by others count, one's own do not", () => {
  const store = opened(10, [{ room_id: "general", seq: 10 }]);
  store.apply(frame(11));
  store.apply(frame(12, { user_id: "mia" }));
  store.apply(frame(13, { content: "@mia look" }));
  const room = store.room("general");
  assert.equal(room.unread("mia"), 2);
  assert.equal(room.mentions("mia"), 1);
  store.markRead(room);
  assert.equal(room.readSeq, 13);
  assert.equal(room.unread("mia"), 0);
});

test("edits and deletions are not unread messages", () => {
  const store = opened(10, [{ room_id: "general", seq: 10 }]);
  store.apply(frame(11));
  store.apply({ ...frame(11), type: "message_updated", seq: 12, content: "ho", edited_at: "2026-11-23T10:01:00Z" });
  assert.equal(store.room("general").unread("mia"), 1);
  store.apply({ type: "message_deleted", id: "m11", room_id: "general", seq: 13 });
  assert.equal(store.room("general").unread("mia"), 0);
  assert.equal(store.room("general").log.lastSeq, 13);
});

test("the last change is known by its message, however it came", () => {
  const store = opened(10, []);
  const { log } = store.room("general");
  const place = () => [log.lastSeq, log.lastId];
  store.addHistory(store.room("general"), [frame(9), frame(10)], 50, false);
  assert.deepEqual(place(), [10, "m10"]);
  store.apply(frame(11));
  assert.deepEqual(place(), [11, "m11"]);
  store.apply({ ...frame(9), type: "message_updated", seq: 12, edited_at: "2026-11-23T10:01:00Z" });
  assert.deepEqual(place(), [12, "m9"]);
  store.apply({ type: "message_deleted", id: "m10", room_id: "general", seq: 13 });
  assert.deepEqual(place(), [13, "m10"]);
});

test("the estimate becomes exact once the page is held", () => {
  const store = opened(10, [{ room_id: "general", seq: 6 }]);
  const room = store.room("general");
  assert.equal(room.unread("mia"), 4);
  store.addHistory(room, [5, 6, 7, 8].map((seq) => frame(seq, { user_id: seq === 8 ? "mia" : "alice" })), 50, false);
  assert.equal(room.unread("mia"), 1);
});

test("the New line begins at the first unread message of the room that is opened", () => {
  const store = opened(10, [{ room_id: "general", seq: 8 }]);
  store.open("general");
  assert.equal(store.room("general").dividerSeq, 8);
  store.open("random");
  assert.equal(store.room("general").dividerSeq, null);
});

test("a room opened before its mark is known gets its New line when it is", () => {
  const store = new Store(me);
  store.addRooms([info("general", 10)]);
  store.open("general");
  store.markRead(store.room("general"));
  store.setMarks([{ room_id: "general", seq: 7 }]);
  assert.equal(store.room("general").dividerSeq, 7);
});

test("a new message is announced once, also when it is replayed", () => {
  const store = opened(10, []);
  const heard = [];
  store.on("arrived", (message) => heard.push(message.id));
  store.apply(frame(11));
  store.apply(frame(11));
  store.apply(frame(12, { user_id: "mia" }));
  assert.deepEqual(heard, ["m11"]);
});

test("typing ends with the message, and one never sees oneself type", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const store = opened(0, []);
  store.apply({ type: "typing", room_id: "general", user_id: "mia", username: "Mia" });
  store.apply({ type: "typing", room_id: "general", user_id: "alice", username: "Alice" });
  assert.deepEqual(store.typing("general"), ["Alice"]);
  store.apply(frame(1));
  assert.deepEqual(store.typing("general"), []);
  store.apply({ type: "typing", room_id: "general", user_id: "bob", username: "Bob" });
  t.mock.timers.tick(6_001);
  assert.deepEqual(store.typing("general"), []);
});

test("presence: who left the list is offline, a frame without a name keeps the known one", () => {
  const store = new Store(me);
  store.setOnline([{ user_id: "alice", username: "Alice", status: "online" }]);
  store.setOnline([{ user_id: "bob", username: "Bob", status: "online" }]);
  assert.equal(store.people.get("alice").status, "offline");
  store.apply({ type: "presence", user_id: "alice", status: "online" });
  assert.deepEqual(store.people.get("alice"), { user_id: "alice", username: "Alice", status: "online" });
});

test("a notification counts once", () => {
  const store = new Store(me);
  const notice = { type: "notification", id: "n1", user_id: "mia", title: "t", body: "", notif_type: "info", room_id: null, is_read: false, created_at: "2026-11-23T10:00:00Z" };
  store.apply(notice);
  store.apply(notice);
  assert.equal(store.unreadNotices, 1);
  assert.equal(store.notices.length, 1);
});

test("a mention is a word of its own", () => {
  const pattern = mentionPattern("mia.b");
  assert.equal(pattern.test("hi @mia.b, ok"), true);
  assert.equal(pattern.test("@Mia.B"), true);
  for (const text of ["@mia.bo", "@miaxb", "x@mia.b", "@mia.b-2", "@mia.b.c"]) assert.equal(pattern.test(text), false, text);
});

test("the New line moves when one had caught up and looked away again", () => {
  const store = opened(10, [{ room_id: "general", seq: 8 }]);
  store.open("general");
  const room = store.room("general");
  store.apply(frame(11));
  assert.equal(room.dividerSeq, 8);
  store.markRead(room);
  store.apply(frame(12));
  assert.equal(room.dividerSeq, 11);
  store.apply(frame(13));
  assert.equal(room.dividerSeq, 11);
});

test("read marks go out at once, then at most once a second, the last one surely", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const store = opened(10, [{ room_id: "general", seq: 10 }]);
  const room = store.room("general");
  room.subscribed = true;
  const sent = [];
  const marks = new ReadMarks((frame) => sent.push(frame.seq) > 0);
  for (const seq of [11, 12, 13]) {
    store.apply(frame(seq));
    store.markRead(room);
    marks.tell(room);
  }
  assert.deepEqual(sent, [11]);
  t.mock.timers.tick(1_000);
  assert.deepEqual(sent, [11, 13]);
});
