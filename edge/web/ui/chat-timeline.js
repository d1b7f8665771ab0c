// A room's messages on screen: a bounded window that keeps its place while messages come, go and load.

import { dayLabel } from "../format/time.js";
import { timelineItems } from "../format/timeline-items.js";
import { ChatMessage } from "./chat-message.js";
import { fire, h, reconcile } from "./dom.js";
import { icon } from "./icons.js";
import { MessageActions } from "./message-actions.js";
import { emptyRoom, failedRoom, skeletons } from "./timeline-states.js";

/** @typedef {import("../client/types.js").HeldMessage} HeldMessage */
/** @typedef {import("../client/types.js").OutboxEntry} OutboxEntry */
/** @typedef {import("../format/timeline-items.js").Item} Item */
/** @typedef {import("./file-attachment.js").FileSource} FileSource */
/**
 * @typedef {object} TimelineView
 * @property {string} roomId
 * @property {string} roomName
 * @property {HeldMessage[]} messages
 * @property {OutboxEntry[]} unsent
 * @property {number | null} dividerSeq
 * @property {number} unread
 * @property {boolean} hasOlder
 * @property {boolean} loaded
 * @property {"idle" | "loading" | "failed"} loading
 * @property {string} problem
 * @property {{ user_id: string, username: string }} me
 * @property {FileSource} files
 */

const WINDOW = 400;
const STEP = 100;
const NEAR_PX = 600;
const BOTTOM_PX = 48;

export class ChatTimeline extends HTMLElement {
  /** @type {TimelineView | null} */
  #view = null;
  /** The last message of the window; null: it follows the newest. @type {number | null} */
  #endPos = null;
  #lastShownPos = 0;
  #stick = true;
  #waiting = true;
  #count = 0;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #clock;
  /** @type {Map<string, HTMLElement>} */
  #nodes = new Map();
  #actions = new MessageActions();
  #list = h("div", { class: "messages", role: "list" });
  #top = h("div", { class: "timeline-top" });
  #state = h("div", { class: "timeline-state" });
  #scroller = h("div", { class: "scroller", role: "region", tabindex: "0", "data-testid": "timeline" }, this.#top, this.#state, this.#list);
  #jumpText = h("span");
  #jump = h("button", { type: "button", class: "jump", hidden: true, "data-testid": "jump-to-latest", on: { click: () => this.toBottom() } }, icon("down"), this.#jumpText);

  connectedCallback() {
    if (this.firstChild) return;
    this.append(this.#scroller, this.#jump);
    this.#state.append(...skeletons());
    const scroller = this.#scroller;
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    scroller.addEventListener("keydown", (event) => this.#key(event));
    scroller.addEventListener("pointerover", (event) => this.#pointed(event.target));
    scroller.addEventListener("pointerleave", () => this.#actions.show(null));
    scroller.addEventListener("focusin", (event) => this.#pointed(event.target));
    scroller.addEventListener("edit-started", () => this.#settle());
    const resized = new ResizeObserver(() => this.#settle());
    resized.observe(scroller);
    resized.observe(this.#list);
    this.#clock = setInterval(() => this.#refreshTimes(), 30_000);
  }

  disconnectedCallback() {
    clearInterval(this.#clock);
  }

  /** Whether the newest message is in sight. */
  get atBottom() {
    return this.#stick && this.#endPos === null && !this.#waiting;
  }

  /** @param {TimelineView} view */
  update(view) {
    const opened = view.roomId !== this.#view?.roomId;
    this.#view = view;
    if (opened) this.#open(view);
    if (!this.#stick && this.#endPos === null && view.messages.length > WINDOW) this.#endPos = this.#lastShownPos;
    this.#draw();
    if (this.#waiting && view.loaded) {
      this.#waiting = false;
      this.#place();
    }
    this.#announcePosition();
    if (view.loaded) this.#loadWhereNear();
  }

  toBottom() {
    this.#endPos = null;
    this.#stick = true;
    this.#draw();
    this.#announcePosition();
  }

  /** Opens the editor of my newest message that has one. @returns {boolean} false where there is none */
  editLast() {
    for (const node of [...this.#list.children].reverse()) {
      if (node instanceof ChatMessage && node.changeable && !node.view?.file_url) {
        node.scrollIntoView({ block: "nearest" });
        node.edit();
        return true;
      }
    }
    return false;
  }

  focusMessages() {
    const last = this.#list.lastElementChild;
    if (last instanceof ChatMessage) last.focus();
  }

  /** @param {TimelineView} view */
  #open(view) {
    this.#endPos = null;
    this.#stick = true;
    this.#waiting = true;
    this.#nodes.clear();
    this.#actions.show(null);
    this.#scroller.setAttribute("aria-label", `Messages in ${view.roomName}`);
  }

  /** Where a freshly opened room begins to be read: at what is new, where that does not fit the screen together with the newest. */
  #place() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    const divider = this.#nodes.get("new");
    if (divider && divider.offsetTop < this.#scroller.scrollTop + 8) {
      this.#scroller.scrollTop = divider.offsetTop - 24;
      this.#stick = this.#isAtBottom();
    }
  }

  #draw() {
    const view = this.#view;
    if (!view) return;
    const anchor = this.#stick ? null : this.#anchor();
    this.#drawStates(view);
    const wanted = this.#items(view).map((item) => this.#node(item, view));
    const keep = new Set(wanted);
    for (const [key, node] of this.#nodes) if (!keep.has(node)) this.#nodes.delete(key);
    reconcile(this.#list, wanted);
    if (this.#stick) this.#scroller.scrollTop = this.#scroller.scrollHeight;
    else if (anchor?.node.isConnected) this.#scroller.scrollTop += anchor.node.getBoundingClientRect().top - anchor.top;
    this.#drawJump(view);
  }

  /** @param {TimelineView} view @returns {Item[]} */
  #items(view) {
    if (!view.loaded) return timelineItems({ messages: [], unsent: view.unsent, dividerSeq: null, dividerInside: false, me: view.me.user_id });
    const { messages } = view;
    const [start, end] = this.#range(messages);
    const shown = messages.slice(start, end);
    this.#lastShownPos = shown.at(-1)?.pos ?? 0;
    return timelineItems({
      messages: shown, unsent: this.#endPos === null ? view.unsent : [], dividerSeq: view.dividerSeq, me: view.me.user_id,
      dividerInside: (start === 0 && !view.hasOlder) || (shown[0]?.pos ?? Infinity) <= (view.dividerSeq ?? 0) + 1,
    });
  }

  /** @param {HeldMessage[]} messages @returns {[number, number]} */
  #range(messages) {
    const { length } = messages;
    const endPos = this.#endPos;
    const end = endPos === null ? length : Math.max(Math.min(WINDOW, length), messages.findLastIndex((message) => message.pos <= endPos) + 1);
    if (end >= length) this.#endPos = null;
    return [Math.max(0, end - WINDOW), end];
  }

  /** @param {Item} item @param {TimelineView} view @returns {HTMLElement} */
  #node(item, view) {
    const known = this.#nodes.get(item.key);
    const node = known ?? this.#make(item);
    if (!known) this.#nodes.set(item.key, node);
    if (item.kind === "day") {
      const label = dayLabel(item.date, new Date());
      const text = /** @type {HTMLElement} */ (node.firstElementChild);
      if (text.textContent !== label) text.textContent = label;
    } else if (node instanceof ChatMessage && item.kind === "message") {
      const { message } = item;
      node.set({
        id: message.id, seq: message.pos, user_id: message.user_id, username: message.username || message.user_id, content: message.content,
        file_url: message.message_type === "file" ? message.file_url ?? "" : null, timestamp: message.timestamp, edited: Boolean(message.edited_at),
        continued: item.continued, state: "sent", reason: "", me: view.me.user_id,
      }, view.files);
    } else if (node instanceof ChatMessage && item.kind === "unsent") {
      const { entry } = item;
      node.set({
        id: entry.client_msg_id, seq: null, user_id: view.me.user_id, username: view.me.username, content: entry.content,
        file_url: entry.message_type === "file" ? entry.file_url ?? "" : null, timestamp: entry.created_at, edited: false,
        continued: item.continued, state: entry.state, reason: entry.reason ?? "", me: view.me.user_id,
      }, view.files);
    }
    return node;
  }

  /** @param {Item} item @returns {HTMLElement} */
  #make(item) {
    if (item.kind === "day") return h("div", { class: "day", role: "listitem" }, h("span"));
    if (item.kind === "new") return h("div", { class: "new-line", role: "listitem", "data-testid": "new-divider" }, h("span", {}, "New", h("span", { class: "visually-hidden", text: " messages from here" })));
    return new ChatMessage();
  }

  /** @param {TimelineView} view */
  #drawStates(view) {
    const waiting = !view.loaded && view.loading !== "failed";
    const failedFirst = !view.loaded && view.loading === "failed";
    const empty = view.loaded && view.messages.length === 0 && view.unsent.length === 0 && !view.hasOlder;
    const kind = waiting ? "waiting" : failedFirst ? `failed ${view.problem}` : empty ? `empty ${view.roomName}` : "none";
    if (this.#state.dataset.kind !== kind) {
      this.#state.dataset.kind = kind;
      this.#state.replaceChildren(...(waiting ? skeletons() : failedFirst ? failedRoom(view.problem, () => fire(this, "load-retry")) : empty ? emptyRoom(view.roomName) : []));
    }
    const top = !view.loaded ? "" : view.loading === "failed" ? "failed" : view.hasOlder ? "older" : view.messages.length > 0 ? "start" : "";
    if (this.#top.dataset.kind === top) return;
    this.#top.dataset.kind = top;
    this.#top.replaceChildren(...(top === "failed" ? failedRoom(view.problem, () => fire(this, "load-older"))
      : top === "older" ? [h("span", { class: "spinner", role: "status", "aria-label": "Loading older messages" })]
      : top === "start" ? [h("p", { class: "start", text: `This is the beginning of ${view.roomName}.` })] : []));
  }

  /** @param {TimelineView} view */
  #drawJump(view) {
    const away = view.loaded && (!this.#stick || this.#endPos !== null);
    this.#jump.hidden = !away;
    const text = view.unread > 0 ? `${view.unread} new` : "Latest";
    if (this.#jumpText.textContent !== text) this.#jumpText.textContent = text;
    this.#jump.setAttribute("aria-label", view.unread > 0 ? `Jump to ${view.unread} new messages` : "Jump to the latest message");
  }

  /** The first message in sight, and where it is. */
  #anchor() {
    const top = this.#scroller.getBoundingClientRect().top;
    for (const node of this.#list.children) {
      const box = node.getBoundingClientRect();
      if (box.bottom > top && node instanceof ChatMessage) return { node, top: box.top };
    }
    return null;
  }

  #isAtBottom() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    return scrollHeight - scrollTop - clientHeight < BOTTOM_PX;
  }

  #scrolled() {
    if (this.#waiting) return;
    this.#stick = this.#isAtBottom();
    if (this.#view) this.#drawJump(this.#view);
    this.#announcePosition();
    this.#loadWhereNear();
  }

  #loadWhereNear() {
    const view = this.#view;
    if (!view) return;
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    const [start, end] = this.#range(view.messages);
    if (scrollTop < NEAR_PX && start > 0) {
      this.#endPos = view.messages[Math.max(end - STEP, Math.min(WINDOW, view.messages.length)) - 1].pos;
      this.#stick = false;
      this.#draw();
    } else if (scrollTop < NEAR_PX && view.hasOlder && view.loading === "idle") {
      fire(this, "load-older");
    } else if (this.#endPos !== null && scrollHeight - scrollTop - clientHeight < NEAR_PX) {
      const next = view.messages[Math.min(end + STEP, view.messages.length) - 1];
      this.#endPos = end + STEP >= view.messages.length ? null : next.pos;
      this.#stick = false;
      this.#draw();
    }
  }

  /** Something changed its size: stay at the bottom where we were there. */
  #settle() {
    if (this.#stick && !this.#waiting) this.#scroller.scrollTop = this.#scroller.scrollHeight;
  }

  #announcePosition() {
    const count = this.#view?.messages.length ?? 0;
    const state = Number(this.atBottom) + 2 * count;
    if (state === this.#count) return;
    this.#count = state;
    fire(this, "position", { atBottom: this.atBottom });
  }

  #refreshTimes() {
    const now = new Date();
    for (const node of this.#list.children) if (node instanceof ChatMessage) node.refreshTime(now);
    this.#draw();
  }

  /** @param {EventTarget | null} target */
  #pointed(target) {
    const message = target instanceof Element ? target.closest("chat-message") : null;
    if (message instanceof ChatMessage) this.#actions.show(message);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const target = /** @type {Element} */ (event.target);
    if (event.altKey || event.ctrlKey || event.metaKey || target.closest("textarea, pre")) return;
    const message = target.closest("chat-message");
    if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      this.#move(message, event.key === "ArrowUp" ? -1 : 1);
    } else if (message instanceof ChatMessage && target === message && event.key === "e") {
      message.edit();
    } else if (message instanceof ChatMessage && target === message && event.key === "Delete") {
      this.#actions.remove();
    } else if (message instanceof ChatMessage && target === message && event.key === "c") {
      this.#actions.copy();
    } else {
      return;
    }
    event.preventDefault();
  }

  /** @param {Element | null} from @param {number} step */
  #move(from, step) {
    const messages = [...this.#list.querySelectorAll("chat-message")];
    const at = from ? messages.indexOf(from) + step : messages.length - 1;
    const next = messages[Math.max(0, at)];
    if (next instanceof HTMLElement) {
      next.focus({ preventScroll: true });
      next.scrollIntoView({ block: "nearest" });
    } else if (at >= messages.length) {
      fire(this, "leave-messages");
    }
  }
}

customElements.define("chat-timeline", ChatTimeline);
