// One room as a reader sees it: its log, how far it was read, what is unread.

import { RoomLog } from "./room-log.js";

/** @typedef {import("./types.js").RoomInfo} RoomInfo */
/** @typedef {import("./types.js").HeldMessage} HeldMessage */

export class Room {
  log = new RoomLog();
  /** Everything up to here was read. Null until the marks are known. @type {number | null} */
  readSeq = null;
  /** What the server knows of that. */
  toldSeq = 0;
  /** Where "New" begins in the timeline: what was unread when the room was opened. @type {number | null} */
  dividerSeq = null;
  /** The head when the room list was read: what lies between the mark and the oldest held message is estimated with it. */
  listedSeq = 0;
  subscribed = false;
  /** Asked for on this connection, not yet answered. */
  subscribing = false;
  /** @type {"idle" | "loading" | "failed"} */
  loading = "idle";
  /** @type {string} */
  problem = "";

  /** @param {RoomInfo} info */
  constructor(info) {
    this.info = info;
    this.listedSeq = info.last_seq ?? 0;
  }

  get id() {
    return this.info.id;
  }

  /**
   * Messages by others after the read mark: exact for what is held, estimated from the numbers below that.
   * @param {string} me
   */
  unread(me) {
    if (this.readSeq === null) return 0;
    const below = this.log.loaded && !this.log.hasOlder ? 0 : Math.min(this.listedSeq, this.log.oldestPos - 1) - this.readSeq;
    return Math.max(0, below) + this.#unreadHeld(me).length;
  }

  /**
   * Unread messages that name me.
   * @param {string} me
   */
  mentions(me) {
    const name = mentionPattern(me);
    return this.#unreadHeld(me).filter((message) => name.test(message.content)).length;
  }

  /** @param {string} me @returns {HeldMessage[]} */
  #unreadHeld(me) {
    const mark = this.readSeq ?? Infinity;
    const out = [];
    for (let i = this.log.messages.length - 1; i >= 0; i -= 1) {
      const message = this.log.messages[i];
      if (message.pos <= mark) break;
      if (message.user_id !== me) out.push(message);
    }
    return out;
  }
}

/** @param {string} userId finds `@id` as a word of its own */
export function mentionPattern(userId) {
  return new RegExp(`(?<![\\w@./-])@${userId.replace(/[.]/g, "\\.")}(?![\\w-]|\\.[a-z0-9])`, "i");
}
