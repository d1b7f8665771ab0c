import assert from "node:assert/strict";
import { test } from "node:test";
import { RoomLog } from "../client/room-log.js";

const message = (seq, more = {}) => ({
  id: `m${seq}`, room_id: "general", user_id: "alice", username: "Alice", content: `text ${seq}`, message_type: "text",
  timestamp: new Date(Date.UTC(2026, 10, 23, 10, 0, seq)).toISOString(), seq, edited_at: null, ...more,
});
const ids = (log) => log.messages.map((held) => held.id);

test("messages stand in the order of the room, however they come", () => {
  const log = new RoomLog();
  for (const seq of [5, 3, 4, 1, 2]) assert.equal(log.upsert(message(seq)), true);
  assert.deepEqual(ids(log), ["m1", "m2", "m3", "m4", "m5"]);
});

test("the same message again changes nothing", () => {
  const log = new RoomLog();
  log.upsert(message(1));
  assert.equal(log.upsert(message(1)), false);
  assert.deepEqual(ids(log), ["m1"]);
});

test("an edited message keeps its place", () => {
  const log = new RoomLog();
  for (const seq of [1, 2, 3]) log.upsert(message(seq));
  log.update({ ...message(1), content: "new", seq: 4, edited_at: "2026-11-23T11:00:00Z" });
  assert.deepEqual(ids(log), ["m1", "m2", "m3"]);
  assert.equal(log.get("m1").content, "new");
  assert.equal(log.get("m1").seq, 1);
});

test("a page read before an edit does not undo it", () => {
  const log = new RoomLog();
  log.upsert(message(1));
  log.update({ ...message(1), content: "new", seq: 4, edited_at: "2026-11-23T11:00:00Z" });
  log.upsert(message(1));
  assert.equal(log.get("m1").content, "new");
});

test("a message made and changed while away gets the place of its time, then its true one", () => {
  const log = new RoomLog();
  for (const seq of [1, 2, 9]) log.upsert(message(seq));
  assert.equal(log.update({ ...message(3), seq: 12, edited_at: "2026-11-23T11:00:00Z" }), true);
  assert.deepEqual(ids(log), ["m1", "m2", "m3", "m9"]);
  log.upsert({ ...message(3), edited_at: "2026-11-23T11:00:00Z" });
  assert.equal(log.get("m3").pos, 3);
  assert.deepEqual(ids(log), ["m1", "m2", "m3", "m9"]);
});

test("a change of a message older than the held ones waits for its page", () => {
  const log = new RoomLog();
  log.upsert(message(50));
  assert.equal(log.update({ ...message(2), seq: 60, edited_at: "2026-11-23T11:00:00Z" }), false);
  assert.deepEqual(ids(log), ["m50"]);
});

test("a deleted message does not come back with a page or a late edit", () => {
  const log = new RoomLog();
  log.upsert(message(1));
  log.upsert(message(2));
  log.remove("m1");
  log.upsert(message(1));
  log.update({ ...message(1), seq: 7, edited_at: "2026-11-23T11:00:00Z" });
  assert.deepEqual(ids(log), ["m2"]);
});

test("the place to resume from never goes back, except by a reset", () => {
  const log = new RoomLog();
  log.advance(7);
  log.advance(5);
  assert.equal(log.lastSeq, 7);
  log.upsert(message(6));
  log.reset(3);
  assert.deepEqual([log.lastSeq, log.resets], [3, 1]);
  assert.deepEqual(ids(log), []);
  assert.equal(log.loaded, false);
});

test("the place to resume from is known by its message, as far as that is known", () => {
  const log = new RoomLog();
  const place = () => [log.lastSeq, log.lastId];
  log.advance(0);
  assert.deepEqual(place(), [0, null]);
  log.advance(7, "m7");
  log.advance(5, "m5");
  log.advance(7);
  assert.deepEqual(place(), [7, "m7"]);
  log.advance(8);
  assert.deepEqual(place(), [8, null]);
  log.advance(8, "m8");
  assert.deepEqual(place(), [8, "m8"]);
  log.reset(9, "o9");
  assert.deepEqual(place(), [9, "o9"]);
  log.reset(3);
  assert.deepEqual(place(), [3, null]);
});

test("trimming forgets the oldest, which can be loaded again", () => {
  const log = new RoomLog();
  log.hasOlder = false;
  for (let seq = 1; seq <= 10; seq += 1) log.upsert(message(seq));
  log.trim(4);
  assert.deepEqual(ids(log), ["m7", "m8", "m9", "m10"]);
  assert.equal(log.hasOlder, true);
  assert.equal(log.upsert(message(6)), true);
});
