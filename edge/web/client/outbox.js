// What was written and is not yet acknowledged: survives a reload, is sent again with the same id until it is.

import { backoff } from "./backoff.js";
import { Emitter } from "./emitter.js";
import { uuid } from "./ids.js";

/** @typedef {import("./types.js").OutboxEntry} OutboxEntry */
/** @typedef {import("./types.js").Draft} Draft */
/** @typedef {import("./types.js").Frame} Frame */
/** @typedef {import("./types.js").KeyValue} KeyValue */

/** Sending the same again cannot help; people have to change or drop it. */
const FINAL = new Set(["too_long", "empty", "forbidden", "no_such_room", "bad_frame", "unknown_type"]);
/** An acknowledgement that has not come by then was lost; the server knows the id, so asking again is harmless. */
const ACK_WITHIN_MS = 15_000;

/** @extends {Emitter<{ change: string, accepted: { entry: OutboxEntry, id: string, seq: number } }>} */
export class Outbox extends Emitter {
  /** @type {Map<string, OutboxEntry>} */
  #entries = new Map();
  /** @type {Map<string, ReturnType<typeof setTimeout>>} */
  #timers = new Map();
  /** @type {Map<string, number>} */
  #attempts = new Map();
  #storage;
  #key;
  #send;
  #now;

  /**
   * @param {object} options
   * @param {KeyValue} options.storage
   * @param {string} options.key where in the storage
   * @param {(frame: Frame) => boolean} options.send false where it cannot be sent now
   * @param {() => Date} [options.now]
   */
  constructor({ storage, key, send, now = () => new Date() }) {
    super();
    this.#storage = storage;
    this.#key = key;
    this.#send = send;
    this.#now = now;
    for (const entry of this.#load()) this.#entries.set(entry.client_msg_id, entry);
  }

  /** @param {string} roomId @returns {OutboxEntry[]} oldest first */
  entries(roomId) {
    return [...this.#entries.values()].filter((entry) => entry.room_id === roomId);
  }

  /** How many wait to be acknowledged, in all rooms. */
  get pending() {
    return [...this.#entries.values()].filter((entry) => entry.state === "pending").length;
  }

  /** @param {Draft} draft */
  add({ room_id, content, message_type = "text", file_url = null }) {
    /** @type {OutboxEntry} */
    const entry = {
      client_msg_id: uuid(), room_id, content, message_type, file_url,
      created_at: this.#now().toISOString(), state: "pending",
    };
    this.#entries.set(entry.client_msg_id, entry);
    this.#changed(entry);
    this.#transmit(entry);
    return entry;
  }

  /** The room can be written to (again): send all that waits, oldest first. @param {string} roomId */
  flush(roomId) {
    for (const entry of this.entries(roomId)) if (entry.state === "pending") this.#transmit(entry);
  }

  /** The connection is gone: nothing is under way any more. */
  pause() {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  /** @param {string} id a client_msg_id of a failed entry */
  retry(id) {
    const entry = this.#entries.get(id);
    if (!entry) return;
    entry.state = "pending";
    delete entry.reason;
    this.#changed(entry);
    this.#transmit(entry);
  }

  /** @param {string} id */
  discard(id) {
    this.#remove(id);
  }

  /** @param {{ client_msg_id?: string | null, id: string, seq: number }} ack an `ack` frame, or our own message coming back */
  accept({ client_msg_id, id, seq }) {
    const entry = client_msg_id ? this.#entries.get(client_msg_id) : undefined;
    if (!entry) return;
    this.emit("accepted", { entry, id, seq });
    this.#remove(entry.client_msg_id);
  }

  /** @param {{ client_msg_id?: string | null, code: string, message?: string, retry_after_ms?: number | null }} error */
  reject({ client_msg_id, code, message, retry_after_ms }) {
    const entry = client_msg_id ? this.#entries.get(client_msg_id) : undefined;
    if (!entry) return;
    if (FINAL.has(code)) {
      this.#clearTimer(entry.client_msg_id);
      entry.state = "failed";
      entry.reason = message || "The server did not accept this message.";
      this.#changed(entry);
      return;
    }
    const attempt = this.#attempts.get(entry.client_msg_id) ?? 0;
    this.#attempts.set(entry.client_msg_id, attempt + 1);
    this.#sendAfter(entry, retry_after_ms ?? backoff(attempt));
  }

  /** @param {OutboxEntry} entry */
  #transmit(entry) {
    const { client_msg_id, room_id, content, message_type, file_url } = entry;
    /** @type {Frame} */
    const frame = { type: "message", room_id, content, client_msg_id };
    if (message_type === "file") Object.assign(frame, { message_type, file_url });
    this.#clearTimer(client_msg_id);
    if (this.#send(frame)) this.#sendAfter(entry, ACK_WITHIN_MS);
  }

  /** @param {OutboxEntry} entry @param {number} ms */
  #sendAfter(entry, ms) {
    this.#clearTimer(entry.client_msg_id);
    const timer = setTimeout(() => this.#transmit(entry), ms);
    this.#timers.set(entry.client_msg_id, timer);
  }

  /** @param {string} id */
  #clearTimer(id) {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
  }

  /** @param {string} id */
  #remove(id) {
    const entry = this.#entries.get(id);
    if (!entry) return;
    this.#clearTimer(id);
    this.#attempts.delete(id);
    this.#entries.delete(id);
    this.#changed(entry);
  }

  /** @param {OutboxEntry} entry */
  #changed(entry) {
    try {
      this.#storage.setItem(this.#key, JSON.stringify([...this.#entries.values()]));
    } catch {
      // Storage is full or forbidden: the entry then lives as long as the page, and is sent all the same.
    }
    this.emit("change", entry.room_id);
  }

  /** @returns {OutboxEntry[]} */
  #load() {
    try {
      return JSON.parse(this.#storage.getItem(this.#key) ?? "[]");
    } catch {
      return [];
    }
  }
}
