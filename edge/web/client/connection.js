// One socket that comes back by itself: connects, notices a dead peer, and waits between attempts.

import { backoff, hinted } from "./backoff.js";
import { Emitter } from "./emitter.js";

/** @typedef {import("./types.js").Frame} Frame */
/** @typedef {"connecting" | "online" | "offline" | "stopped"} State */
/**
 * @typedef {object} ConnectionEvents
 * @property {State} state
 * @property {Frame} frame
 * @property {void} unopened an attempt ended before the socket was open: perhaps the session is no longer valid
 * @property {void} signedOut the server does not know the session (4401)
 * @property {string} refused the server will not have us (4400, 4403, 4404); the reason, for people
 */
/**
 * @typedef {object} SocketLike
 * @property {number} readyState
 * @property {(data: string) => void} send
 * @property {(code?: number, reason?: string) => void} close
 * @property {((event: any) => void) | null} onopen
 * @property {((event: any) => void) | null} onmessage
 * @property {((event: any) => void) | null} onclose
 */

const PING_EVERY_MS = 20_000;
const PONG_WITHIN_MS = 10_000;
const PROBE_WITHIN_MS = 4_000;
const OPEN_WITHIN_MS = 15_000;
const OPEN = 1;

/** @extends {Emitter<ConnectionEvents>} */
export class Connection extends Emitter {
  /** @type {State} */
  state = "stopped";
  /** When the next attempt starts, in milliseconds since the epoch; 0 while none is planned. */
  retryAt = 0;
  /** @type {SocketLike | null} */
  #socket = null;
  #attempt = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retryTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #pingTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #deadTimer;
  /** @type {() => SocketLike} */
  #makeSocket;
  /** @type {() => number} */
  #random;

  /**
   * @param {() => SocketLike} makeSocket opens a new socket
   * @param {() => number} [random]
   */
  constructor(makeSocket, random = Math.random) {
    super();
    this.#makeSocket = makeSocket;
    this.#random = random;
  }

  start() {
    if (this.state === "stopped") this.#connect();
  }

  stop() {
    this.#dispose();
    clearTimeout(this.#retryTimer);
    this.#setState("stopped");
  }

  /** The network may be back, or the machine woke up: connect now, or check that the socket still lives. */
  nudge() {
    if (this.state === "offline") {
      this.#attempt = 0;
      this.#connect();
    } else if (this.state === "online") {
      this.#ping(PROBE_WITHIN_MS);
    }
  }

  /**
   * @param {Frame} frame
   * @returns {boolean} false where there is no open socket; nothing is kept
   */
  send(frame) {
    if (this.state !== "online" || this.#socket?.readyState !== OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  #connect() {
    clearTimeout(this.#retryTimer);
    this.#dispose();
    this.retryAt = 0;
    this.#setState("connecting");
    const socket = this.#makeSocket();
    this.#socket = socket;
    let opened = false;
    this.#deadTimer = setTimeout(() => this.#lost(1006, "", opened), OPEN_WITHIN_MS);
    socket.onopen = () => {
      opened = true;
      this.#attempt = 0;
      clearTimeout(this.#deadTimer);
      this.#setState("online");
      this.#schedulePing();
    };
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = (event) => this.#lost(event.code, event.reason, opened);
  }

  /** @param {unknown} data */
  #receive(data) {
    clearTimeout(this.#deadTimer);
    this.#schedulePing();
    if (typeof data !== "string") return;
    /** @type {Frame} */
    let frame;
    try {
      frame = JSON.parse(data);
    } catch {
      return;
    }
    if (typeof frame?.type === "string" && frame.type !== "pong") this.emit("frame", frame);
  }

  #schedulePing() {
    clearTimeout(this.#pingTimer);
    this.#pingTimer = setTimeout(() => this.#ping(PONG_WITHIN_MS), PING_EVERY_MS);
  }

  /** @param {number} withinMs any frame in that time proves the peer alive */
  #ping(withinMs) {
    if (!this.send({ type: "ping" })) return;
    clearTimeout(this.#deadTimer);
    this.#deadTimer = setTimeout(() => this.#lost(1006, "", true), withinMs);
  }

  /**
   * @param {number} code
   * @param {string} reason
   * @param {boolean} opened
   */
  #lost(code, reason, opened) {
    this.#dispose();
    if (code === 4401) {
      this.#setState("stopped");
      this.emit("signedOut", undefined);
      return;
    }
    if (code === 4400 || code === 4403 || code === 4404) {
      this.#setState("stopped");
      this.emit("refused", reason || "The server refused the connection.");
      return;
    }
    const wait = code === 1001 || code === 4408 ? hinted(reason, this.#random) : backoff(this.#attempt, this.#random);
    this.#attempt += 1;
    this.retryAt = Date.now() + wait;
    this.#retryTimer = setTimeout(() => this.#connect(), wait);
    this.#setState("offline");
    if (!opened) this.emit("unopened", undefined);
  }

  #dispose() {
    clearTimeout(this.#pingTimer);
    clearTimeout(this.#deadTimer);
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  /** @param {State} state */
  #setState(state) {
    if (this.state === state) return;
    this.state = state;
    this.emit("state", state);
  }
}
