import assert from "node:assert/strict";
import { test } from "node:test";
import { Outbox } from "../client/outbox.js";

const memory = () => {
  const map = new Map();
  return { getItem: (key) => map.get(key) ?? null, setItem: (key, value) => map.set(key, value), removeItem: (key) => map.delete(key) };
};
const open = (t, { storage = memory(), connected = true } = {}) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const line = { connected, frames: [] };
  const outbox = new Outbox({ storage, key: "outbox", send: (frame) => line.connected && line.frames.push(frame) > 0 });
  return { outbox, line, storage };
};

test("a message is sent at once and forgotten when it is acknowledged", (t) => {
  const { outbox, line } = open(t);
  const accepted = [];
  outbox.on("accepted", (event) => accepted.push(event.seq));
  const { client_msg_id } = outbox.add({ room_id: "general", content: "hi" });
  assert.deepEqual(line.frames, [{ type: "message", room_id: "general", content: "hi", client_msg_id }]);
  outbox.accept({ client_msg_id, id: "m1", seq: 7 });
  outbox.accept({ client_msg_id, id: "m1", seq: 7 });
  assert.deepEqual(accepted, [7]);
  assert.deepEqual(outbox.entries("general"), []);
});

test("what was written offline is sent in order, with the ids it was given", (t) => {
  const { outbox, line } = open(t, { connected: false });
  const ids = ["a", "b", "c"].map((content) => outbox.add({ room_id: "general", content }).client_msg_id);
  assert.deepEqual(line.frames, []);
  line.connected = true;
  outbox.flush("general");
  assert.deepEqual(line.frames.map((frame) => frame.client_msg_id), ids);
});

test("an entry survives a reload", (t) => {
  const first = open(t, { connected: false });
  const { client_msg_id } = first.outbox.add({ room_id: "general", content: "x.png", message_type: "file", file_url: "/api/files/1/download" });
  const frames = [];
  const second = new Outbox({ storage: first.storage, key: "outbox", send: (frame) => frames.push(frame) > 0 });
  second.flush("general");
  assert.deepEqual(frames, [{ type: "message", room_id: "general", content: "x.png", client_msg_id, message_type: "file", file_url: "/api/files/1/download" }]);
});

test("storage that holds rubbish is an empty outbox", (t) => {
  const storage = memory();
  storage.setItem("outbox", "{");
  assert.equal(open(t, { storage }).outbox.pending, 0);
});

test("a lost acknowledgement is asked for again with the same id", (t) => {
  const { outbox, line } = open(t);
  const { client_msg_id } = outbox.add({ room_id: "general", content: "hi" });
  t.mock.timers.tick(15_001);
  assert.deepEqual(line.frames.map((frame) => frame.client_msg_id), [client_msg_id, client_msg_id]);
});

test("nothing is sent by timers while the connection is gone", (t) => {
  const { outbox, line } = open(t);
  outbox.add({ room_id: "general", content: "hi" });
  outbox.pause();
  t.mock.timers.tick(60_000);
  assert.equal(line.frames.length, 1);
});

test("a busy server is asked again after the time it names", (t) => {
  const { outbox, line } = open(t);
  const { client_msg_id } = outbox.add({ room_id: "general", content: "hi" });
  outbox.reject({ client_msg_id, code: "rate_limited", retry_after_ms: 700 });
  t.mock.timers.tick(699);
  assert.equal(line.frames.length, 1);
  t.mock.timers.tick(1);
  assert.equal(line.frames.length, 2);
  assert.equal(outbox.entries("general")[0].state, "pending");
});

test("what cannot succeed fails with the reason, until it is tried again or dropped", (t) => {
  const { outbox, line } = open(t);
  for (const code of ["too_long", "empty", "forbidden", "no_such_room"]) {
    const { client_msg_id } = outbox.add({ room_id: code, content: "hi" });
    outbox.reject({ client_msg_id, code, message: `because ${code}` });
    const [entry] = outbox.entries(code);
    assert.deepEqual([entry.state, entry.reason], ["failed", `because ${code}`]);
    const sent = line.frames.length;
    outbox.flush(code);
    t.mock.timers.tick(60_000);
    assert.equal(line.frames.length, sent, "a failed one is not sent by itself");
    outbox.retry(client_msg_id);
    assert.equal(line.frames.length, sent + 1);
    outbox.discard(client_msg_id);
    assert.deepEqual(outbox.entries(code), []);
  }
});
