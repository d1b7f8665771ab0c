// The client as one object: signs nothing in, but keeps a signed-in person's rooms live. Knows no DOM.

import { backoff } from "./backoff.js";
import { Connection } from "./connection.js";
import { Emitter } from "./emitter.js";
import { Outbox } from "./outbox.js";
import { Problem } from "./api.js";
import { ReadMarks } from "./read-marks.js";
import { Store } from "./store.js";

/** @typedef {import("./api.js").Api} Api */
/** @typedef {import("./types.js").Draft} Draft */
/** @typedef {import("./types.js").Frame} Frame */
/** @typedef {import("./types.js").Identity} Identity */
/** @typedef {import("./types.js").KeyValue} KeyValue */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./room.js").Room} Room */
/** @typedef {{ signedOut: void, problem: string }} ChatEvents */

const PAGE = 50;
const TYPING_EVERY_MS = 3_000;
const PRESENCE_EVERY_MS = 30_000;

/** @extends {Emitter<ChatEvents>} */
export class Chat extends Emitter {
  #typingSentAt = 0;
  #typingRoom = "";
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #presenceTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #namesTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #roomsTimer;
  #roomsAttempt = 0;
  #marks = new ReadMarks((frame) => this.connection.send(frame));
  /** A page asked for before the room list was known. @type {{ roomId: string, page: Promise<Message[] | null> } | null} */
  #early = null;
  #ready = false;

  /**
   * @param {object} options
   * @param {Api} options.api with the session's token
   * @param {Identity} options.me
   * @param {KeyValue} options.storage where unsent messages survive a reload
   * @param {() => import("./connection.js").SocketLike} options.makeSocket
   */
  constructor({ api, me, storage, makeSocket }) {
    super();
    this.api = api;
    this.me = me;
    this.store = new Store(me);
    this.connection = new Connection(makeSocket);
    this.outbox = new Outbox({
      storage, key: `chatflow.outbox.${me.user_id}`,
      send: (frame) => this.#sendMessage(frame),
    });
    this.connection.on("state", (state) => this.#onState(state));
    this.connection.on("frame", (frame) => this.#onFrame(frame));
    this.connection.on("signedOut", () => this.emit("signedOut", undefined));
    this.connection.on("unopened", () => this.#checkSession());
    this.outbox.on("accepted", ({ entry, id, seq }) => this.store.confirm({
      id, seq, room_id: entry.room_id, user_id: me.user_id, username: me.username, content: entry.content,
      message_type: entry.message_type, file_url: entry.file_url, timestamp: entry.created_at, client_msg_id: entry.client_msg_id,
    }));
  }

  /**
   * Opens the socket, reads the room list, and the messages of the room that will be looked at first, all at the same time;
   * what cannot be read now is tried again until it can.
   * @param {string} [firstRoomId]
   */
  start(firstRoomId) {
    if (firstRoomId) this.#early = { roomId: firstRoomId, page: this.api.messages(firstRoomId, { limit: PAGE }).catch(() => null) };
    this.connection.start();
    this.#presenceTimer = setInterval(() => this.#refreshPresence(), PRESENCE_EVERY_MS);
    this.#refreshPresence();
    this.#refreshNotices();
    this.#refreshRooms();
  }

  stop() {
    this.connection.stop();
    this.#marks.stop();
    this.outbox.pause();
    clearInterval(this.#presenceTimer);
    clearTimeout(this.#namesTimer);
    clearTimeout(this.#roomsTimer);
  }

  /** Reads the room list and the read marks, and subscribes to what is new. */
  async #refreshRooms() {
    clearTimeout(this.#roomsTimer);
    try {
      const marks = this.api.readMarks(this.me.user_id);
      marks.catch(() => undefined);
      this.store.addRooms(await this.api.rooms());
      this.#ready = true;
      this.#subscribeAll();
      this.store.setMarks(await marks);
      this.#roomsAttempt = 0;
      for (const room of this.store.rooms.values()) this.#marks.tell(room);
    } catch (error) {
      if (this.connection.state === "stopped") return;
      if (error instanceof Problem && error.status === 401) {
        this.emit("signedOut", undefined);
        return;
      }
      this.#roomsTimer = setTimeout(() => this.#refreshRooms(), backoff(this.#roomsAttempt));
      this.#roomsAttempt += 1;
      if (this.#roomsAttempt === 3 && error instanceof Problem && error.status > 0) this.emit("problem", error.message);
    }
  }

  /** @param {string} id @param {string} name @param {string} description */
  async createRoom(id, name, description) {
    const info = await this.api.createRoom(id, name, description);
    for (const room of this.store.addRooms([info])) {
      room.readSeq = 0;
      this.#subscribe(room);
    }
    return info;
  }

  /** Loads the newest page of a room that has none yet. @param {string} roomId */
  async load(roomId) {
    const room = this.store.room(roomId);
    if (room && !room.log.loaded) await this.#page(room, undefined);
  }

  /** Loads the page before the oldest held message. @param {string} roomId */
  async loadOlder(roomId) {
    const room = this.store.room(roomId);
    if (room?.log.loaded && room.log.hasOlder) await this.#page(room, room.log.oldestPos);
  }

  /** @param {Draft} draft */
  send(draft) {
    this.typing(this.#typingRoom, false);
    return this.outbox.add(draft);
  }

  /** @param {string} roomId @param {string} id @param {string} content */
  async edit(roomId, id, content) {
    await this.api.editMessage(roomId, id, content);
    const room = this.store.room(roomId);
    const held = room?.log.get(id);
    if (room && held) this.store.applyOwn(room, { ...held, content, edited_at: held.edited_at ?? held.timestamp });
  }

  /** @param {string} roomId @param {string} id */
  async remove(roomId, id) {
    await this.api.deleteMessage(roomId, id);
    const room = this.store.room(roomId);
    if (room) this.store.applyOwn(room, { deleted: id });
  }

  /** The person sees the newest message of the room. @param {string} roomId */
  read(roomId) {
    const room = this.store.room(roomId);
    if (!room?.log.loaded) return;
    this.store.markRead(room);
    this.#marks.tell(room);
  }

  /** @param {string} roomId @param {boolean} typing */
  typing(roomId, typing) {
    const now = Date.now();
    if (typing && (now - this.#typingSentAt >= TYPING_EVERY_MS || this.#typingRoom !== roomId)) {
      this.#typingSentAt = now;
      this.#typingRoom = roomId;
      this.connection.send({ type: "typing", room_id: roomId });
    } else if (!typing && this.#typingSentAt > 0) {
      this.#typingSentAt = 0;
      this.connection.send({ type: "stop_typing", room_id: this.#typingRoom });
    }
  }

  /** @param {string} id */
  async readNotice(id) {
    const { store } = this;
    const notice = store.notices.find((other) => other.id === id);
    if (!notice || notice.is_read) return;
    notice.is_read = true;
    store.setNotices(store.notices, Math.max(0, store.unreadNotices - 1));
    await this.api.markNoticeRead(id);
  }

  async readAllNotices() {
    this.store.setNotices(this.store.notices.map((notice) => ({ ...notice, is_read: true })), 0);
    await this.api.markAllNoticesRead(this.me.user_id);
  }

  /** @param {string} id */
  async deleteNotice(id) {
    const { store } = this;
    const unread = store.notices.some((notice) => notice.id === id && !notice.is_read) ? 1 : 0;
    store.setNotices(store.notices.filter((notice) => notice.id !== id), Math.max(0, store.unreadNotices - unread));
    await this.api.deleteNotice(id);
  }

  /** @param {Room} room @param {number | undefined} before */
  async #page(room, before) {
    if (room.loading === "loading") return;
    const { resets } = room.log;
    room.loading = "loading";
    room.problem = "";
    this.store.emit("messages", room.id);
    try {
      const early = before === undefined ? await this.#earlyPage(room) : null;
      const page = early ?? await this.api.messages(room.id, { limit: PAGE, before });
      if (room.log.resets !== resets) return;
      room.loading = "idle";
      this.store.addHistory(room, page, PAGE, before !== undefined);
      for (const message of page) if (message.user_id === this.me.user_id) this.outbox.accept(message);
    } catch (error) {
      if (room.log.resets !== resets) return;
      room.loading = "failed";
      room.problem = error instanceof Problem ? error.message : "The messages could not be loaded.";
      this.store.emit("messages", room.id);
      if (error instanceof Problem && error.status === 401) this.emit("signedOut", undefined);
    }
  }

  /**
   * The early page, if it is this room's and reaches up to where the live frames begin: it was read at the same time as the
   * list, so something may have been said between the two.
   * @param {Room} room
   */
  async #earlyPage(room) {
    const early = this.#early;
    this.#early = null;
    if (early?.roomId !== room.id) return null;
    const page = await early.page;
    return (page?.at(-1)?.seq ?? 0) >= room.listedSeq ? page : null;
  }

  /** @param {Frame} frame */
  #sendMessage(frame) {
    return this.store.room(frame.room_id)?.subscribed === true && this.connection.send(frame);
  }

  /** @param {import("./connection.js").State} state */
  #onState(state) {
    if (state === "online") {
      if (this.#ready) this.#subscribeAll();
      this.#refreshRooms();
      this.#refreshPresence();
      this.#refreshNotices();
      return;
    }
    this.outbox.pause();
    for (const room of this.store.rooms.values()) room.subscribed = room.subscribing = false;
  }

  #subscribeAll() {
    const rooms = [...this.store.rooms.values()].filter((room) => !room.subscribed);
    rooms.sort((a, b) => Number(b.id === this.store.openRoomId) - Number(a.id === this.store.openRoomId));
    for (const room of rooms) this.#subscribe(room);
  }

  /** @param {Room} room */
  #subscribe(room) {
    if (room.subscribing) return;
    room.log.lastSeq ??= room.listedSeq;
    const { lastSeq, lastId } = room.log;
    const after = lastId === null ? { after_seq: lastSeq } : { after_seq: lastSeq, after_id: lastId };
    room.subscribing = this.connection.send({ type: "subscribe", room_id: room.id, ...after });
  }

  /** @param {Frame} frame */
  #onFrame(frame) {
    const room = typeof frame.room_id === "string" ? this.store.room(frame.room_id) : undefined;
    switch (frame.type) {
      case "subscribed":
        if (!room) return;
        room.subscribed = true;
        room.subscribing = false;
        // Without this, whoever hears nothing before the next reconnect could not tell what they had.
        if (room.log.lastId === null && frame.last_seq === room.log.lastSeq) room.log.advance(frame.last_seq, frame.last_id);
        this.outbox.flush(room.id);
        this.#marks.tell(room);
        return;
      case "unsubscribed":
        if (room) room.subscribed = false;
        return;
      case "ack":
        this.outbox.accept(/** @type {any} */ (frame));
        return;
      case "error":
        this.#onError(frame, room);
        return;
      case "reset":
        if (room) this.#reset(room, frame.last_seq, frame.last_id);
        return;
      case "room_updated":
        this.store.apply(frame);
        this.#subscribeNew(frame.room_id);
        return;
      case "presence":
        this.store.apply(frame);
        if (frame.status === "online" && this.store.people.get(frame.user_id)?.username === frame.user_id) this.#refreshNames();
        return;
      default:
        this.store.apply(frame);
        if (frame.type === "message" && frame.user_id === this.me.user_id) this.outbox.accept(/** @type {any} */ (frame));
    }
  }

  /** @param {Frame} frame @param {Room | undefined} room */
  #onError(frame, room) {
    if (frame.client_msg_id) this.outbox.reject(/** @type {any} */ (frame));
    else if (room) room.subscribing = false;
    if (frame.code === "not_subscribed" && room) {
      room.subscribed = false;
      this.#subscribe(room);
    } else if (!frame.client_msg_id && frame.code !== "rate_limited") {
      this.emit("problem", frame.message ?? "Something went wrong.");
    }
  }

  /**
   * What we have of the room is not in its log: all of it goes, also a page that is on its way.
   * @param {Room} room @param {number} lastSeq @param {string | undefined} lastId
   */
  #reset(room, lastSeq, lastId) {
    room.log.reset(lastSeq, lastId);
    if (this.#early?.roomId === room.id) this.#early = null;
    room.loading = "idle";
    room.listedSeq = lastSeq;
    room.readSeq = Math.min(room.readSeq ?? lastSeq, lastSeq);
    room.toldSeq = 0;
    room.dividerSeq = null;
    this.store.emit("messages", room.id);
    this.store.emit("rooms", undefined);
    room.subscribing = false;
    this.#subscribe(room);
    if (this.store.openRoomId === room.id) this.load(room.id);
  }

  /** @param {string} roomId */
  #subscribeNew(roomId) {
    const room = this.store.room(roomId);
    if (!room || room.subscribed || room.log.lastSeq !== null) return;
    room.readSeq ??= 0;
    this.#subscribe(room);
  }

  /** An attempt that never opened says nothing about why: ask whether the session still counts. */
  #checkSession() {
    this.api.session().catch((error) => {
      if (error instanceof Problem && error.status === 401) this.emit("signedOut", undefined);
    });
  }

  #refreshPresence() {
    this.api.presence().then((online) => this.store.setOnline(online), () => undefined);
  }

  /** Presence frames carry no name; those of many who come at once are asked for in one call. */
  #refreshNames() {
    clearTimeout(this.#namesTimer);
    this.#namesTimer = setTimeout(() => this.#refreshPresence(), 500);
  }

  #refreshNotices() {
    const { user_id } = this.me;
    Promise.all([this.api.notices(user_id), this.api.unreadNotices(user_id)]).then(
      ([notices, { unread_count }]) => this.store.setNotices(notices, unread_count),
      () => undefined,
    );
  }
}
