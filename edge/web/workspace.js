// Joins the client and the components for one signed-in person: events of the one become calls of the other.

import { Files } from "./client/files.js";
import { Uploads } from "./uploads.js";
import { ChatApp } from "./ui/chat-app.js";
import { confirmDialog, createRoomDialog, lightbox } from "./ui/dialogs.js";
import { scheduler } from "./ui/dom.js";
import { roomSwitcher } from "./ui/room-switcher.js";
import { announce, toast } from "./ui/toasts.js";
import { typingText } from "./format/people.js";
import { Drafts } from "./drafts.js";
import { installKeys } from "./keys.js";
import { roomInAddress, saveBlob, showDesktopNotification } from "./browser.js";

/** @typedef {import("./client/chat.js").Chat} Chat */
/** @typedef {import("./client/types.js").Session} Session */
/** @typedef {import("./ui/room-list.js").RoomRow} RoomRow */

const KEEP_OPEN = 600;

export class Workspace {
  #chat;
  #me;
  #app = new ChatApp();
  #files;
  #uploads;
  #drafts = new Drafts(sessionStorage);
  #leave = new AbortController();

  /** @param {Chat} chat @param {Session} session @param {() => void} signOut */
  constructor(chat, session, signOut) {
    this.#chat = chat;
    this.#me = session;
    this.#files = new Files(chat.api);
    this.#uploads = new Uploads(chat, this.#app.uploads);
    this.#listenToClient();
    this.#listenToComponents(signOut);
    this.#listenToPage();
  }

  /** @param {HTMLElement} parent */
  mount(parent) {
    this.#app.show(this.#me);
    parent.replaceChildren(this.#app);
    this.#drawBanner();
    this.#chat.start(roomInAddress());
  }

  close() {
    this.#leave.abort();
    this.#uploads.cancelAll();
    this.#chat.stop();
    this.#app.remove();
    document.title = "ChatFlow";
  }

  get #room() {
    const { store } = this.#chat;
    return store.openRoomId ? store.room(store.openRoomId) : undefined;
  }

  #listenToClient() {
    const { store, connection, outbox } = this.#chat;
    const drawTimeline = scheduler(() => this.#drawTimeline());
    const drawRooms = scheduler(() => this.#drawRooms());
    const drawPeople = scheduler(() => this.#drawPeople());
    const own = (/** @type {string} */ roomId) => roomId === store.openRoomId;
    store.on("rooms", () => {
      if (!this.#room && store.rooms.size > 0) this.#route();
      drawRooms();
    });
    store.on("messages", (roomId) => {
      if (own(roomId)) drawTimeline();
    });
    outbox.on("change", (roomId) => {
      if (own(roomId)) drawTimeline();
      this.#drawBanner();
    });
    store.on("typing", (roomId) => {
      if (own(roomId)) this.#app.typing = typingText(store.typing(roomId));
    });
    store.on("people", drawPeople);
    store.on("notices", () => {
      this.#app.notices.update(store.notices, store.unreadNotices);
      this.#app.unreadNotices = store.unreadNotices;
      this.#drawTitle();
    });
    store.on("notified", (notice) => {
      if (document.hidden) showDesktopNotification(notice, () => notice.room_id && this.open(notice.room_id));
    });
    store.on("arrived", (message) => {
      if (own(message.room_id)) announce(`${message.username}: ${message.content}`);
    });
    connection.on("state", () => this.#drawBanner());
    connection.on("refused", (reason) => this.#app.banner.refuse(reason));
    this.#chat.on("problem", (text) => toast(text));
  }

  /** @param {() => void} signOut */
  #listenToComponents(signOut) {
    const chat = this.#chat;
    /** @type {Record<string, (detail: any) => void>} */
    const handlers = {
      "room-select": ({ id }) => this.open(id),
      "room-switch": () => this.#switchRoom(),
      "room-create": () => createRoomDialog((id, name, description) => chat.createRoom(id, name, description), (id) => this.open(id)),
      "message-send": ({ content }) => {
        chat.send({ room_id: this.#openId, content });
        this.#app.timeline.toBottom();
      },
      "message-retry": ({ id }) => chat.outbox.retry(id),
      "message-discard": ({ id }) => chat.outbox.discard(id),
      "message-edit": ({ id, content }) => this.#try(chat.edit(this.#openId, id, content)),
      "message-delete": ({ id }) => this.#delete(id),
      "message-copy": ({ content }) => this.#copy(content),
      "edit-last": () => this.#app.timeline.editLast(),
      "edit-closed": () => this.#app.composer.focusField(),
      "leave-messages": () => this.#app.composer.focusField(),
      "draft": ({ text }) => this.#wrote(text),
      "files-chosen": ({ files }) => this.#room && this.#uploads.start(this.#openId, files),
      "image-open": ({ id, src, name }) => lightbox(src, name, () => this.#save(id, name)),
      "file-save": ({ id, name }) => this.#save(id, name),
      "load-older": () => chat.loadOlder(this.#openId),
      "load-retry": () => chat.load(this.#openId),
      "position": ({ atBottom }) => this.#position(atBottom),
      "reconnect": () => {
        chat.connection.start();
        chat.connection.nudge();
      },
      "notice-open": ({ id, roomId }) => {
        this.#try(chat.readNotice(id));
        if (roomId && chat.store.room(roomId)) this.open(roomId);
      },
      "notices-read-all": () => this.#try(chat.readAllNotices()),
      "notice-delete": ({ id }) => this.#try(chat.deleteNotice(id)),
      "sign-out": signOut,
    };
    for (const [name, handler] of Object.entries(handlers)) {
      this.#app.addEventListener(name, (event) => handler(/** @type {CustomEvent} */ (event).detail ?? {}));
    }
  }

  #listenToPage() {
    const { signal } = this.#leave;
    const { connection } = this.#chat;
    addEventListener("hashchange", () => this.#route(), { signal });
    addEventListener("online", () => connection.nudge(), { signal });
    addEventListener("offline", () => connection.nudge(), { signal });
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) return;
      connection.nudge();
      this.#readIfSeen();
    }, { signal });
    installKeys(signal, {
      switchRoom: () => this.#switchRoom(),
      step: (by, unreadOnly) => this.#step(by, unreadOnly),
      escape: () => this.#escape(),
      focusMessages: () => this.#app.timeline.focusMessages(),
      type: () => this.#app.composer.focusField(),
    });
  }

  get #openId() {
    return this.#chat.store.openRoomId ?? "";
  }

  /** Opens the room that the address names, or the one looked at last, or the first. */
  #route() {
    const { store } = this.#chat;
    const wanted = roomInAddress();
    const [first] = store.rooms.keys();
    const id = store.room(wanted) ? wanted : store.openRoomId ?? first;
    if (id) this.open(id);
  }

  /** @param {string} roomId */
  open(roomId) {
    const { store } = this.#chat;
    const room = store.room(roomId);
    if (!room) return;
    if (this.#app.drawerOpen) this.#app.drawer("none");
    if (store.openRoomId !== roomId) {
      this.#chat.typing(this.#openId, false);
      if (roomInAddress() !== roomId) history[store.openRoomId ? "pushState" : "replaceState"](null, "", `#/${encodeURIComponent(roomId)}`);
      store.open(roomId);
      this.#app.composer.show(room.info.name, this.#drafts.get(roomId));
      this.#app.typing = typingText(store.typing(roomId));
      this.#chat.load(roomId);
      this.#drawTimeline();
      this.#drawPeople();
      announce(`Room ${room.info.name}`);
    }
    if (!matchMedia("(pointer: coarse)").matches) this.#app.composer.focusField();
  }

  #drawTimeline() {
    const room = this.#room;
    if (!room) return;
    const { timeline } = this.#app;
    if (timeline.atBottom && room.log.messages.length > KEEP_OPEN) room.log.trim(KEEP_OPEN - 200);
    timeline.update({
      roomId: room.id, roomName: room.info.name, messages: room.log.messages, unsent: this.#chat.outbox.entries(room.id), dividerSeq: room.dividerSeq,
      unread: room.unread(this.#me.user_id), hasOlder: room.log.hasOlder, loaded: room.log.loaded, loading: room.loading, problem: room.problem,
      me: this.#me, files: this.#files,
    });
  }

  /** @returns {RoomRow[]} */
  #rows() {
    const { store } = this.#chat;
    return [...store.rooms.values()].map((room) => ({
      id: room.id, name: room.info.name, description: room.info.description ?? "", unread: room.unread(this.#me.user_id),
      mentions: room.mentions(this.#me.user_id), draft: this.#drafts.get(room.id) !== "", current: room.id === store.openRoomId,
    }));
  }

  #drawRooms() {
    const rows = this.#rows();
    this.#app.rooms.rooms = rows;
    this.#app.elsewhere = rows.some((row) => row.unread > 0 && !row.current);
    const room = this.#room;
    if (room) this.#app.room = { name: room.info.name, description: room.info.description ?? "" };
    this.#drawTitle();
  }

  #drawTitle() {
    const unread = this.#rows().reduce((sum, row) => sum + row.unread, 0);
    const name = this.#room?.info.name;
    document.title = `${unread > 0 ? `(${unread > 99 ? "99+" : unread}) ` : ""}${name ? `${name} · ` : ""}ChatFlow`;
  }

  #drawPeople() {
    const { store } = this.#chat;
    const here = new Set(this.#room?.log.messages.map((message) => message.user_id));
    const people = [...store.people.values()].sort((a, b) => a.username.localeCompare(b.username) || (a.user_id < b.user_id ? -1 : 1));
    const online = people.filter((person) => person.status === "online");
    this.#app.members.update(online, people.filter((person) => person.status !== "online" && here.has(person.user_id)), this.#me.user_id);
    this.#app.online = online.length;
    this.#app.composer.people = people.filter((person) => person.user_id !== this.#me.user_id);
  }

  #drawBanner() {
    this.#app.connected = this.#chat.connection.state === "online";
    this.#app.banner.update(this.#chat.connection.state, this.#chat.outbox.pending);
  }

  /** @param {boolean} atBottom */
  #position(atBottom) {
    this.#chat.store.atBottom = atBottom && !document.hidden;
    this.#readIfSeen();
  }

  #readIfSeen() {
    const seen = this.#app.timeline.atBottom && !document.hidden;
    this.#chat.store.atBottom = seen;
    if (seen) this.#chat.read(this.#openId);
  }

  /** @param {string} text */
  #wrote(text) {
    this.#drafts.set(this.#openId, text);
    this.#chat.typing(this.#openId, text.trim() !== "");
  }

  #escape() {
    if (this.#app.drawerOpen) {
      this.#app.drawer("none");
      return;
    }
    const room = this.#room;
    if (room) room.dividerSeq = null;
    this.#app.timeline.toBottom();
    this.#drawTimeline();
    this.#app.composer.focusField();
  }

  #switchRoom() {
    if (!document.querySelector("dialog[open]")) roomSwitcher(this.#rows(), (id) => this.open(id));
  }

  /** @param {number} by @param {boolean} unreadOnly */
  #step(by, unreadOnly) {
    const rows = this.#rows();
    const at = rows.findIndex((row) => row.current);
    for (let i = 1; i <= rows.length; i += 1) {
      const row = rows[(at + by * i + rows.length * i) % rows.length];
      if (row && (!unreadOnly || row.unread > 0)) {
        this.open(row.id);
        return;
      }
    }
  }

  /** @param {string} id */
  async #delete(id) {
    const roomId = this.#openId;
    const sure = await confirmDialog("Delete this message?", "It disappears for everybody in the room. This cannot be undone.", "Delete");
    if (sure) await this.#try(this.#chat.remove(roomId, id));
    this.#app.composer.focusField();
  }

  /** @param {string} text */
  async #copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      toast("Copied.", "info");
    } catch {
      toast("The browser did not allow copying.");
    }
  }

  /** @param {string} id @param {string} name */
  async #save(id, name) {
    const blob = await this.#try(this.#files.download(id));
    if (blob) saveBlob(blob, name);
  }

  /** @template T @param {Promise<T>} promise @returns {Promise<T | undefined>} */
  async #try(promise) {
    try {
      return await promise;
    } catch (problem) {
      toast(problem instanceof Error ? problem.message : "Something went wrong.");
      return undefined;
    }
  }
}
