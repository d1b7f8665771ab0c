// One room's messages in order: upsert by id, keep places, forget what was deleted.

/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").HeldMessage} HeldMessage */

const KEEP_DELETED = 2_000;

/** @param {HeldMessage} a @param {HeldMessage} b */
function order(a, b) {
  if (a.pos !== b.pos) return a.pos - b.pos;
  if (a.timestamp !== b.timestamp) return a.timestamp < b.timestamp ? -1 : 1;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

export class RoomLog {
  /** @type {HeldMessage[]} ascending */
  messages = [];
  /** The last seq of the room's log that arrived here: where to resume. Null before anything is known. @type {number | null} */
  lastSeq = null;
  /** The message in the frame with that seq, where it is known: a log that was set back has the seq again, not the message. @type {string | null} */
  lastId = null;
  /** How often the log was found set back: what was asked for before is not true any more. */
  resets = 0;
  /** Whether a page of history was loaded. */
  loaded = false;
  /** Whether there may be older messages than those held. */
  hasOlder = true;
  /** @type {Map<string, HeldMessage>} */
  #byId = new Map();
  /** Ids of deleted messages, so that a page read before the deletion does not bring them back. @type {Set<string>} */
  #deleted = new Set();

  /** @param {string} id */
  get(id) {
    return this.#byId.get(id);
  }

  /** The place of the oldest held message; Infinity where none is held. */
  get oldestPos() {
    return this.messages[0]?.pos ?? Infinity;
  }

  /**
   * A message as it was made: a live frame, a row of history, or our own acknowledged one.
   * @param {Message} message
   * @returns {boolean} true where it is new here
   */
  upsert(message) {
    if (this.#deleted.has(message.id)) return false;
    const held = this.#byId.get(message.id);
    if (held) {
      if ((message.edited_at ?? "") >= (held.edited_at ?? "")) Object.assign(held, message);
      if (held.pos !== message.seq) this.#move(held, message.seq);
      return false;
    }
    this.#insert({ ...message, pos: message.seq });
    return true;
  }

  /**
   * A changed message keeps its place. One that is not held is either older than what is held, and comes with its page of
   * history, or was made and changed while we were away: then its time tells the place.
   * @param {Message} message
   * @returns {boolean} true where it is new here
   */
  update(message) {
    const held = this.#byId.get(message.id);
    if (held) {
      if ((message.edited_at ?? "") >= (held.edited_at ?? "")) Object.assign(held, message, { seq: held.pos });
      return false;
    }
    if (this.#deleted.has(message.id)) return false;
    const first = this.messages[0];
    if (!first || (this.hasOlder && message.timestamp < first.timestamp)) return false;
    const before = this.messages.findLast((other) => other.timestamp <= message.timestamp);
    const pos = before ? before.pos : 0;
    this.#insert({ ...message, pos, seq: pos });
    return true;
  }

  /** @param {string} id */
  remove(id) {
    this.#deleted.add(id);
    if (this.#deleted.size > KEEP_DELETED) this.#deleted.delete(this.#deleted.values().next().value ?? "");
    const held = this.#byId.get(id);
    if (!held) return;
    this.#byId.delete(id);
    this.messages.splice(this.messages.indexOf(held), 1);
  }

  /** @param {number} seq of a frame that arrived live or by replay @param {string | null} [id] of its message */
  advance(seq, id = null) {
    if (this.lastSeq !== null && seq < this.lastSeq) return;
    if (seq !== this.lastSeq || id !== null) this.lastId = id;
    this.lastSeq = seq;
  }

  /** The server's log was set back: nothing held is true any more. @param {number} lastSeq @param {string | null} [lastId] */
  reset(lastSeq, lastId = null) {
    this.resets += 1;
    this.messages = [];
    this.#byId.clear();
    this.#deleted.clear();
    this.loaded = false;
    this.hasOlder = true;
    this.lastSeq = lastSeq;
    this.lastId = lastId;
  }

  /** Forgets the oldest messages beyond `keep`. @param {number} keep */
  trim(keep) {
    if (this.messages.length <= keep) return;
    for (const message of this.messages.splice(0, this.messages.length - keep)) this.#byId.delete(message.id);
    this.hasOlder = true;
  }

  /** A place that was told by its time turns out to be another. @param {HeldMessage} held @param {number} pos */
  #move(held, pos) {
    this.messages.splice(this.messages.indexOf(held), 1);
    held.pos = held.seq = pos;
    this.#insert(held);
  }

  /** @param {HeldMessage} message */
  #insert(message) {
    this.#byId.set(message.id, message);
    let at = this.messages.length;
    while (at > 0 && order(this.messages[at - 1], message) > 0) at -= 1;
    this.messages.splice(at, 0, message);
  }
}
