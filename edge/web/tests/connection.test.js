import assert from "node:assert/strict";
import { test } from "node:test";
import { backoff, BASE_MS, CAP_MS } from "../client/backoff.js";
import { Connection } from "../client/connection.js";

const open = (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const sockets = [];
  const connection = new Connection(() => {
    const socket = { readyState: 0, sent: [], closed: false, send: (data) => socket.sent.push(JSON.parse(data)), close: () => { socket.closed = true; }, onopen: null, onmessage: null, onclose: null };
    socket.open = () => { socket.readyState = 1; socket.onopen({}); };
    socket.drop = (code, reason = "why") => { socket.readyState = 3; socket.onclose({ code, reason }); };
    socket.receive = (frame) => socket.onmessage({ data: JSON.stringify(frame) });
    sockets.push(socket);
    return socket;
  }, () => 1);
  connection.start();
  return { connection, sockets };
};

test("the wait doubles up to the cap, and is never less than half", () => {
  assert.equal(backoff(0, () => 1), BASE_MS);
  assert.equal(backoff(0, () => 0), BASE_MS / 2);
  assert.equal(backoff(3, () => 1), BASE_MS * 8);
  assert.equal(backoff(500, () => 1), CAP_MS);
});

test("connects again after a loss, later each time, and at once after success", (t) => {
  const { connection, sockets } = open(t);
  sockets[0].open();
  assert.equal(connection.state, "online");
  sockets[0].drop(1006);
  assert.equal(connection.state, "offline");
  t.mock.timers.tick(BASE_MS);
  assert.equal(sockets.length, 2);
  sockets[1].drop(1006);
  t.mock.timers.tick(BASE_MS);
  assert.equal(sockets.length, 2);
  t.mock.timers.tick(BASE_MS);
  assert.equal(sockets.length, 3);
});

test("a server that restarts, or found us slow, is asked at once", (t) => {
  for (const code of [1001, 4408]) {
    const { sockets } = open(t);
    sockets[0].open();
    sockets[0].drop(code);
    t.mock.timers.tick(300);
    assert.equal(sockets.length, 2, String(code));
    t.mock.timers.reset();
  }
});

test("a server that restarts says when it wants whom back", (t) => {
  const { sockets } = open(t);
  sockets[0].open();
  sockets[0].drop(1001, "the server restarts; reconnect_after_ms=1700");
  t.mock.timers.tick(1699);
  assert.equal(sockets.length, 1);
  t.mock.timers.tick(1);
  assert.equal(sockets.length, 2);
  sockets[1].open();
  sockets[1].drop(1001, "the server restarts; reconnect_after_ms=99999999");
  t.mock.timers.tick(30_000);
  assert.equal(sockets.length, 3);
});

test("an ended session and a refusal are not tried again", (t) => {
  for (const [code, event] of [[4401, "signedOut"], [4403, "refused"], [4400, "refused"]]) {
    const { connection, sockets } = open(t);
    let heard = 0;
    connection.on(event, () => { heard += 1; });
    sockets[0].open();
    sockets[0].drop(code);
    t.mock.timers.tick(60_000);
    assert.deepEqual([sockets.length, heard, connection.state], [1, 1, "stopped"]);
    t.mock.timers.reset();
  }
});

test("a silent peer is dead 10 seconds after the ping", (t) => {
  const { connection, sockets } = open(t);
  sockets[0].open();
  t.mock.timers.tick(20_000);
  assert.deepEqual(sockets[0].sent, [{ type: "ping" }]);
  t.mock.timers.tick(9_999);
  assert.equal(connection.state, "online");
  t.mock.timers.tick(1);
  assert.equal(connection.state, "offline");
  assert.equal(sockets[0].closed, true);
});

test("any frame proves the peer alive, and pongs are not passed on", (t) => {
  const { connection, sockets } = open(t);
  const frames = [];
  connection.on("frame", (frame) => frames.push(frame.type));
  sockets[0].open();
  t.mock.timers.tick(20_000);
  sockets[0].receive({ type: "pong" });
  sockets[0].receive({ type: "typing" });
  sockets[0].onmessage({ data: "not json" });
  t.mock.timers.tick(15_000);
  assert.equal(connection.state, "online");
  assert.deepEqual(frames, ["typing"]);
});

test("a nudge connects at once while offline, and probes while online", (t) => {
  const { connection, sockets } = open(t);
  sockets[0].open();
  connection.nudge();
  assert.deepEqual(sockets[0].sent, [{ type: "ping" }]);
  t.mock.timers.tick(4_000);
  assert.equal(connection.state, "offline");
  connection.nudge();
  assert.equal(sockets.length, 2);
});

test("nothing can be sent before the socket is open", (t) => {
  const { connection, sockets } = open(t);
  assert.equal(connection.send({ type: "ping" }), false);
  sockets[0].open();
  assert.equal(connection.send({ type: "ping" }), true);
});
