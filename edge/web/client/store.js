// Everything a signed-in person can see, kept true by frames and REST answers; tells listeners what changed.

import { Emitter } from "./emitter.js";
import { Room } from "./room.js";

/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").Person} Person */
/** @typedef {import("./types.js").Notice} Notice */
/** @typedef {import("./types.js").RoomInfo} RoomInfo */
/** @typedef {import("./types.js").Frame} Frame */
/** @typedef {import("./types.js").Identity} Identity */
/**
 * @typedef {object} StoreEvents
 * @property {void} rooms the list, a name, a badge
 * @property {string} messages the room whose messages changed
 * @property {Message} arrived a new message by somebody else, live or replayed
 * @property {string} typing the room
 * @property {void} people
 * @property {void} notices
 * @property {Notice} notified a notification that came just now
 */

const TYPING_MS = 6_000;
/** Messages kept for rooms that are not open. */
const KEEP_CLOSED = 200;

/** @extends {Emitter<StoreEvents>} */
export class Store extends Emitter {
  /** @type {Map<string, Room>} in the order of the list */
  rooms = new Map();
  /** @type {Map<string, Person>} everybody seen, online or not */
  people = new Map();
  /** @type {Notice[]} newest first */
  notices = [];
  unreadNotices = 0;
  /** The room on screen. @type {string | null} */
  openRoomId = null;
  /** Whether the person looks at the newest message of the open room right now. */
  atBottom = false;
  /** @type {Map<string, Map<string, { username: string, timer: ReturnType<typeof setTimeout> }>>} */
  #typing = new Map();

  /** @param {Identity} me */
  constructor(me) {
    super();
    this.me = me;
  }

  /** @param {string} id */
  room(id) {
    return this.rooms.get(id);
  }

  /** @param {RoomInfo[]} infos the room list; rooms known already keep what they hold @returns {Room[]} the new ones */
  addRooms(infos) {
    const added = [];
    for (const info of infos) {
      const known = this.rooms.get(info.id);
      if (known) {
        known.info = { ...known.info, ...info };
        continue;
      }
      const room = new Room(info);
      this.rooms.set(info.id, room);
      added.push(room);
    }
    this.emit("rooms", undefined);
    return added;
  }

  /**
   * A person without any mark is new here: nothing that was said before they came counts as unread. For everybody else a
   * room without a mark was made while they were away.
   * @param {{ room_id: string, seq: number }[]} marks
   */
  setMarks(marks) {
    const open = this.openRoomId ? this.rooms.get(this.openRoomId) : undefined;
    const openedUnmarked = open?.readSeq === null;
    for (const { room_id, seq } of marks) {
      const room = this.rooms.get(room_id);
      if (!room) continue;
      room.readSeq = Math.max(room.readSeq ?? 0, seq);
      room.toldSeq = seq;
    }
    for (const room of this.rooms.values()) room.readSeq ??= marks.length === 0 ? room.listedSeq : 0;
    if (open && openedUnmarked && open.unread(this.me.user_id) > 0) open.dividerSeq = open.readSeq;
    this.emit("rooms", undefined);
  }

  /** Moves the mark of a room to the newest held message. @param {Room} room */
  markRead(room) {
    const seq = Math.max(room.log.lastSeq ?? 0, room.log.messages.at(-1)?.pos ?? 0);
    if (room.readSeq === null || seq <= room.readSeq) return;
    room.readSeq = seq;
    this.emit("rooms", undefined);
  }

  /** @param {string} roomId */
  open(roomId) {
    const previous = this.openRoomId ? this.rooms.get(this.openRoomId) : undefined;
    if (previous && previous.id !== roomId) {
      previous.dividerSeq = null;
      previous.log.trim(KEEP_CLOSED);
    }
    this.openRoomId = roomId;
    this.atBottom = false;
    const room = this.rooms.get(roomId);
    if (room && room.dividerSeq === null && room.unread(this.me.user_id) > 0) room.dividerSeq = room.readSeq;
    this.emit("rooms", undefined);
  }

  /** @param {Room} room @param {Message[]} page oldest first @param {number} limit what was asked for @param {boolean} older a page before those held */
  addHistory(room, page, limit, older) {
    const { log } = room;
    for (const message of page) {
      log.upsert(message);
      this.#seen(message);
    }
    if (older || page.length < limit || !log.loaded) log.hasOlder = page.length >= limit;
    log.loaded = true;
    if (log.lastSeq === null) log.advance(page.at(-1)?.seq ?? 0, page.at(-1)?.id);
    this.emit("messages", room.id);
    this.emit("rooms", undefined);
  }

  /** @param {Frame} frame of the kinds that change what is stored */
  apply(frame) {
    const room = typeof frame.room_id === "string" ? this.rooms.get(frame.room_id) : undefined;
    switch (frame.type) {
      case "message":
      case "message_updated":
        if (room) this.#message(room, /** @type {any} */ (frame));
        break;
      case "message_deleted":
        if (!room) break;
        room.log.remove(frame.id);
        room.log.advance(frame.seq, frame.id);
        this.#changed(room);
        break;
      case "room_updated":
        this.addRooms([{ id: frame.room_id, name: frame.name, description: frame.description, created_at: frame.created_at }]);
        break;
      case "typing":
        this.#startTyping(frame);
        break;
      case "stop_typing":
        this.#stopTyping(frame.room_id, frame.user_id);
        break;
      case "presence":
        this.setPresence(frame.user_id, frame.status, frame.username);
        break;
      case "user_joined":
        this.setPresence(frame.user_id, "online", frame.username);
        break;
      case "user_left":
        this.#stopTyping(frame.room_id, frame.user_id);
        break;
      case "notification":
        this.#notify(/** @type {any} */ (frame));
        break;
    }
  }

  /** Our own message, acknowledged before its frame came. @param {Message} message */
  confirm(message) {
    const room = this.rooms.get(message.room_id);
    if (!room) return;
    room.log.upsert(message);
    this.#changed(room);
  }

  /** The edited or deleted message as REST answered it, ahead of its frame. @param {Room} room @param {Message | { deleted: string }} change */
  applyOwn(room, change) {
    if ("deleted" in change) room.log.remove(change.deleted);
    else room.log.update(change);
    this.#changed(room);
  }

  /** @param {Person[]} online everybody who is */
  setOnline(online) {
    const ids = new Set(online.map((person) => person.user_id));
    for (const person of this.people.values()) if (!ids.has(person.user_id)) person.status = "offline";
    for (const person of online) this.people.set(person.user_id, { ...person, username: person.username || person.user_id, status: "online" });
    this.emit("people", undefined);
  }

  /** @param {string} userId @param {"online" | "offline"} status @param {string} [username] */
  setPresence(userId, status, username) {
    const known = this.people.get(userId);
    this.people.set(userId, { ...known, user_id: userId, username: username || known?.username || userId, status });
    this.emit("people", undefined);
  }

  /** @param {Notice[]} notices newest first @param {number} unread */
  setNotices(notices, unread) {
    this.notices = notices;
    this.unreadNotices = unread;
    this.emit("notices", undefined);
  }

  /** @param {string} roomId @returns {string[]} names of those who type there */
  typing(roomId) {
    return [...(this.#typing.get(roomId)?.values() ?? [])].map((entry) => entry.username);
  }

  /** @param {Room} room @param {Message & { type: string }} frame */
  #message(room, { type, ...message }) {
    const caughtUp = room.unread(this.me.user_id) === 0;
    const isNew = type === "message" ? room.log.upsert(message) : room.log.update(message);
    room.log.advance(message.seq, message.id);
    this.#seen(message);
    this.#stopTyping(room.id, message.user_id);
    const open = this.openRoomId === room.id;
    if (!open) room.log.trim(KEEP_CLOSED);
    const mine = message.user_id === this.me.user_id;
    if (isNew && open && !mine && !this.atBottom && (caughtUp || room.dividerSeq === null)) room.dividerSeq = room.readSeq;
    this.#changed(room);
    if (isNew && !mine) this.emit("arrived", message);
  }

  /** @param {Room} room */
  #changed(room) {
    this.emit("messages", room.id);
    this.emit("rooms", undefined);
  }

  /** @param {Message} message */
  #seen({ user_id, username }) {
    if (this.people.has(user_id)) return;
    this.people.set(user_id, { user_id, username: username || user_id, status: "offline" });
    this.emit("people", undefined);
  }

  /** @param {Frame} frame */
  #startTyping({ room_id, user_id, username }) {
    if (user_id === this.me.user_id) return;
    const room = this.#typing.get(room_id) ?? new Map();
    this.#typing.set(room_id, room);
    clearTimeout(room.get(user_id)?.timer);
    room.set(user_id, { username: username || user_id, timer: setTimeout(() => this.#stopTyping(room_id, user_id), TYPING_MS) });
    this.emit("typing", room_id);
  }

  /** @param {string} roomId @param {string} userId */
  #stopTyping(roomId, userId) {
    const entry = this.#typing.get(roomId)?.get(userId);
    if (!entry) return;
    clearTimeout(entry.timer);
    this.#typing.get(roomId)?.delete(userId);
    this.emit("typing", roomId);
  }

  /** @param {Notice & { type: string }} frame */
  #notify({ type: _, ...notice }) {
    if (this.notices.some((other) => other.id === notice.id)) return;
    this.notices = [notice, ...this.notices].slice(0, 100);
    if (!notice.is_read) this.unreadNotices += 1;
    this.emit("notices", undefined);
    this.emit("notified", notice);
  }
}
