// What a timeline shows, in order: days, the "New" line, messages with or without a head of their own, unsent ones.

import { dayNumber } from "./time.js";

/** @typedef {import("../client/types.js").HeldMessage} HeldMessage */
/** @typedef {import("../client/types.js").OutboxEntry} OutboxEntry */
/**
 * @typedef {{ kind: "day", key: string, date: Date }
 *   | { kind: "new", key: string }
 *   | { kind: "message", key: string, message: HeldMessage, continued: boolean }
 *   | { kind: "unsent", key: string, entry: OutboxEntry, continued: boolean }} Item
 */

const GROUP_MS = 5 * 60_000;

/**
 * @param {object} options
 * @param {HeldMessage[]} options.messages ascending
 * @param {OutboxEntry[]} options.unsent oldest first
 * @param {number | null} options.dividerSeq the last seq read before
 * @param {boolean} options.dividerInside whether the place of the divider is among these messages
 * @param {string} options.me
 * @returns {Item[]}
 */
export function timelineItems({ messages, unsent, dividerSeq, dividerInside, me }) {
  /** @type {Item[]} */
  const items = [];
  let day = NaN;
  let author = "";
  let last = -Infinity;
  /** Stored, though the acknowledgement did not come (yet). @type {Set<string>} */
  const stored = new Set();
  let divided = dividerSeq === null || !dividerInside;
  /** @param {Date} date */
  const startDay = (date) => {
    const number = dayNumber(date);
    if (number === day) return;
    day = number;
    author = "";
    items.push({ kind: "day", key: `day-${number}`, date });
  };
  for (const message of messages) {
    const date = new Date(message.timestamp);
    startDay(date);
    if (!divided && dividerSeq !== null && message.pos > dividerSeq && message.user_id !== me) {
      divided = true;
      author = "";
      items.push({ kind: "new", key: "new" });
    }
    const continued = message.user_id === author && date.getTime() - last < GROUP_MS;
    items.push({ kind: "message", key: message.client_msg_id && message.user_id === me ? `own-${message.client_msg_id}` : message.id, message, continued });
    if (message.client_msg_id && message.user_id === me) stored.add(message.client_msg_id);
    author = message.user_id;
    last = date.getTime();
  }
  for (const entry of unsent) {
    if (stored.has(entry.client_msg_id)) continue;
    const date = new Date(entry.created_at);
    startDay(date);
    items.push({ kind: "unsent", key: `own-${entry.client_msg_id}`, entry, continued: author === me && date.getTime() - last < GROUP_MS });
    author = me;
    last = date.getTime();
  }
  return items;
}
