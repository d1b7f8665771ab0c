import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { Chat } from "../client/chat.js";

const me = { user_id: "mia", username: "Mia" };
const row = (seq, more = {}) => ({
  id: `m${seq}`, room_id: "general", user_id: "alice", username: "Alice", content: `text ${seq}`, message_type: "text",
  timestamp: new Date(Date.UTC(2026, 10, 23, 10, 0, seq)).toISOString(), seq, ...more,
});

/** @type {Chat[]} */
const started = [];
afterEach(() => started.splice(0).forEach((chat) => chat.stop()));

/** A client on a wire that the test holds in its hands: what it asks of REST is answered from `server`. */
async function open(server, stored = {}, firstRoomId = undefined) {
  const sockets = [];
  const map = new Map(Object.entries(stored));
  const api = {
    rooms: async () => server.rooms, readMarks: async () => server.marks ?? [], presence: async () => [], notices: async () => [],
    unreadNotices: async () => ({ unread_count: 0 }), messages: async () => server.messages, session: async () => me,
  };
  const chat = new Chat({
    api, me, storage: { getItem: (key) => map.get(key) ?? null, setItem: (key, value) => map.set(key, value), removeItem: (key) => map.delete(key) },
    makeSocket: () => {
      const socket = { readyState: 0, frames: [], send: (data) => socket.frames.push(JSON.parse(data)), close: () => undefined };
      socket.open = () => { socket.readyState = 1; socket.onopen({}); };
      socket.receive = (...frames) => frames.forEach((frame) => socket.onmessage({ data: JSON.stringify(frame) }));
      sockets.push(socket);
      return socket;
    },
  });
  started.push(chat);
  chat.start(firstRoomId);
  await turn();
  await turn();
  return { chat, sockets, map };
}

const room = (last_seq) => ({ id: "general", name: "General", description: "", created_at: "2026-11-23T10:00:00Z", last_seq });
const seqs = (chat) => chat.store.room("general").log.messages.map((message) => message.pos);

test("subscribes from the head of a room it has not seen, and from the last change it saw after a reconnect", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const { chat, sockets } = await open({ rooms: [room(41)] });
  sockets[0].open();
  assert.deepEqual(sockets[0].frames[0], { type: "subscribe", room_id: "general", after_seq: 41 });
  sockets[0].receive({ type: "subscribed", room_id: "general", last_seq: 41 }, { type: "message", ...row(42) }, { type: "message_deleted", id: "m42", room_id: "general", seq: 43 });
  sockets[0].onclose({ code: 1001, reason: "" });
  t.mock.timers.tick(300);
  sockets[1].open();
  assert.deepEqual(sockets[1].frames[0], { type: "subscribe", room_id: "general", after_seq: 43, after_id: "m42" });
  assert.deepEqual(seqs(chat), []);
});

test("who hears nothing after subscribing still knows what they had", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  for (const [last_seq, after] of [[41, { after_seq: 41, after_id: "m41" }], [44, { after_seq: 41 }]]) {
    const { sockets } = await open({ rooms: [room(41)] });
    sockets[0].open();
    sockets[0].receive({ type: "subscribed", room_id: "general", last_seq, last_id: `m${last_seq}` });
    sockets[0].onclose({ code: 1001, reason: "" });
    t.mock.timers.tick(300);
    sockets[1].open();
    assert.deepEqual(sockets[1].frames[0], { type: "subscribe", room_id: "general", ...after });
  }
});

test("a page that is older than the live frames fills up below them", async () => {
  const server = { rooms: [room(3)], messages: [row(1), row(2), row(3), row(4)] };
  const { chat, sockets } = await open(server);
  sockets[0].open();
  sockets[0].receive({ type: "subscribed", room_id: "general", last_seq: 3 }, { type: "message", ...row(4) });
  await chat.load("general");
  assert.deepEqual(seqs(chat), [1, 2, 3, 4]);
  assert.equal(chat.store.room("general").log.hasOlder, false);
});

test("messages wait until the room is subscribed, then go out once", async () => {
  const { chat, sockets } = await open({ rooms: [room(0)] });
  const { client_msg_id } = chat.send({ room_id: "general", content: "hi" });
  sockets[0].open();
  chat.send({ room_id: "general", content: "ho" });
  const sent = () => sockets[0].frames.filter((frame) => frame.type === "message").map((frame) => frame.content);
  assert.deepEqual(sent(), []);
  sockets[0].receive({ type: "subscribed", room_id: "general", last_seq: 0 });
  assert.deepEqual(sent(), ["hi", "ho"]);
  sockets[0].receive({ type: "ack", client_msg_id, id: "m1", room_id: "general", seq: 1 }, { type: "message", ...row(1), user_id: "mia", client_msg_id });
  assert.deepEqual(chat.outbox.entries("general").map((entry) => entry.content), ["ho"]);
  assert.deepEqual(seqs(chat), [1]);
});

test("an acknowledgement does not move the place to resume from past what has not come", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const { chat, sockets } = await open({ rooms: [room(5)] });
  sockets[0].open();
  sockets[0].receive({ type: "subscribed", room_id: "general", last_seq: 5 });
  const { client_msg_id } = chat.send({ room_id: "general", content: "hi" });
  sockets[0].receive({ type: "ack", client_msg_id, id: "m9", room_id: "general", seq: 9 });
  sockets[0].onclose({ code: 4408, reason: "" });
  t.mock.timers.tick(300);
  sockets[1].open();
  assert.equal(sockets[1].frames[0].after_seq, 5);
});

test("what was stored before a reload is not sent again where history has it", async () => {
  const entry = { client_msg_id: "c1", room_id: "general", content: "hi", message_type: "text", file_url: null, created_at: "2026-11-23T10:00:00Z", state: "pending" };
  const { chat } = await open({ rooms: [room(1)], messages: [row(1, { user_id: "mia", client_msg_id: "c1" })] }, { "chatflow.outbox.mia": JSON.stringify([entry]) });
  assert.equal(chat.outbox.pending, 1);
  await chat.load("general");
  assert.equal(chat.outbox.pending, 0);
});

test("a reset drops what is held, and the open room is loaded anew", async () => {
  const server = { rooms: [room(3)], messages: [row(1), row(2), row(3)] };
  const { chat, sockets } = await open(server);
  sockets[0].open();
  chat.store.open("general");
  await chat.load("general");
  server.messages = [row(1)];
  sockets[0].receive({ type: "reset", room_id: "general", last_seq: 1 });
  await turn();
  assert.deepEqual(seqs(chat), [1]);
  assert.deepEqual(sockets[0].frames.at(-1), { type: "subscribe", room_id: "general", after_seq: 1 });
});

test("a reset by a log that has overtaken what is held goes on from its head", async () => {
  const server = { rooms: [room(3)], messages: [row(1), row(2), row(3)] };
  const { chat, sockets } = await open(server);
  sockets[0].open();
  chat.store.open("general");
  await chat.load("general");
  const others = [row(1), row(2, { id: "o2" }), row(3, { id: "o3" }), row(4, { id: "o4" })];
  server.messages = others;
  sockets[0].receive({ type: "reset", room_id: "general", last_seq: 4, last_id: "o4" });
  assert.deepEqual(seqs(chat), [], "nothing of it is shown any more");
  await turn();
  assert.deepEqual(chat.store.room("general").log.messages.map((message) => message.id), ["m1", "o2", "o3", "o4"]);
  assert.deepEqual(sockets[0].frames.at(-1), { type: "subscribe", room_id: "general", after_seq: 4, after_id: "o4" });
});

test("a page that was asked for before a reset is dropped, and loaded anew", async () => {
  for (const end of [(page) => page.resolve([row(1), row(2), row(3)]), (page) => page.reject(new Error("gone"))]) {
    const { chat, sockets } = await open({ rooms: [room(3)] });
    const pages = [];
    chat.api.messages = () => new Promise((resolve, reject) => { pages.push({ resolve, reject }); });
    sockets[0].open();
    chat.store.open("general");
    const before = chat.load("general");
    await turn();
    sockets[0].receive({ type: "reset", room_id: "general", last_seq: 2, last_id: "o2" });
    await turn();
    assert.equal(pages.length, 2, "the newest page is asked for");
    end(pages[0]);
    await before;
    const { log, loading } = chat.store.room("general");
    assert.deepEqual([seqs(chat), log.loaded, loading], [[], false, "loading"]);
    pages[1].resolve([row(1), row(2, { id: "o2" })]);
    await turn();
    assert.deepEqual(log.messages.map((message) => message.id), ["m1", "o2"]);
  }
});

test("a page that was asked for at the start does not outlast a reset", async () => {
  const server = { rooms: [room(3)], messages: [row(1), row(2), row(3)] };
  const { chat, sockets } = await open(server, {}, "general");
  server.messages = [row(1), row(2, { id: "o2" })];
  sockets[0].open();
  sockets[0].receive({ type: "reset", room_id: "general", last_seq: 2 });
  await chat.load("general");
  assert.deepEqual(chat.store.room("general").log.messages.map((message) => message.id), ["m1", "o2"]);
});

test("a reset of a room that is not open empties it until it is opened, and what was read is told again", async () => {
  const server = { rooms: [room(3)], marks: [{ room_id: "general", seq: 3 }], messages: [row(1), row(2), row(3)] };
  const { chat, sockets } = await open(server);
  sockets[0].open();
  await turn();
  await chat.load("general");
  sockets[0].receive({ type: "reset", room_id: "general", last_seq: 2 });
  await turn();
  assert.deepEqual(seqs(chat), []);
  sockets[0].receive({ type: "subscribed", room_id: "general", last_seq: 2 });
  assert.deepEqual(sockets[0].frames.at(-1), { type: "read", room_id: "general", seq: 2 });
  server.messages = [row(1), row(2, { id: "o2" })];
  chat.store.open("general");
  await chat.load("general");
  assert.deepEqual(chat.store.room("general").log.messages.map((message) => message.id), ["m1", "o2"]);
});

test("a room that somebody makes appears, subscribed and unread from its first message", async () => {
  const { chat, sockets } = await open({ rooms: [room(3)] });
  sockets[0].open();
  sockets[0].receive({ type: "room_updated", room_id: "new", name: "New", description: "", created_at: "2026-11-23T10:00:00Z" });
  assert.deepEqual(sockets[0].frames.at(-1), { type: "subscribe", room_id: "new", after_seq: 0 });
  sockets[0].receive({ type: "subscribed", room_id: "new", last_seq: 0 }, { type: "message", ...row(1), room_id: "new" });
  assert.equal(chat.store.room("new").unread("mia"), 1);
});
