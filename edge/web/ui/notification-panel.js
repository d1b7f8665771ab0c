// Notifications: what happened while one looked elsewhere. A popover below the bell.

import { exact, relative } from "../format/time.js";
import { fire, h } from "./dom.js";
import { icon } from "./icons.js";

/** @typedef {import("../client/types.js").Notice} Notice */

export class NotificationPanel extends HTMLElement {
  #list = h("div", { class: "notices", role: "list" });
  #all = h("button", { type: "button", class: "link", text: "Mark all as read", "data-testid": "notifications-read-all", on: { click: () => fire(this, "notices-read-all") } });
  #desktop = h("button", { type: "button", class: "panel-foot", hidden: true, on: { click: () => this.#askDesktop() } }, icon("bell"), h("span", { text: "Turn on desktop notifications" }));
  /** @type {Notice[]} */
  #notices = [];

  connectedCallback() {
    if (this.firstChild) return;
    this.id = "notification-panel";
    this.className = "popover notification-panel";
    this.dataset.testid = "notification-panel";
    this.setAttribute("popover", "auto");
    this.setAttribute("role", "dialog");
    this.setAttribute("aria-label", "Notifications");
    this.append(h("div", { class: "panel-head" }, h("h2", { text: "Notifications" }), this.#all), this.#list, this.#desktop);
    this.addEventListener("beforetoggle", (event) => {
      if (/** @type {ToggleEvent} */ (event).newState === "open") this.#draw();
    });
  }

  /** @param {Notice[]} notices @param {number} unread */
  update(notices, unread) {
    this.#notices = notices;
    this.#all.hidden = unread === 0;
    if (this.matches(":popover-open")) this.#draw();
  }

  #draw() {
    this.#desktop.hidden = !("Notification" in window) || Notification.permission !== "default";
    const now = new Date();
    this.#list.replaceChildren(...(this.#notices.length === 0
      ? [h("div", { class: "empty small" }, icon("bell"), h("p", { text: "Nothing yet. When somebody mentions you, you see it here." }))]
      : this.#notices.map((notice) => this.#row(notice, now))));
  }

  /** @param {Notice} notice @param {Date} now */
  #row(notice, now) {
    const date = new Date(notice.created_at);
    return h("div", { class: notice.is_read ? "notice" : "notice fresh", role: "listitem", "data-testid": "notification", "data-notification-id": notice.id },
      h("button", { type: "button", class: "notice-main", on: { click: () => this.#open(notice) } },
        h("span", { class: "notice-title", text: notice.title }), notice.body !== "" && h("span", { class: "notice-body", text: notice.body }),
        h("span", { class: "notice-meta" }, notice.room_id && `#${notice.room_id} · `, h("time", { datetime: notice.created_at, title: exact(date), text: relative(date, now) })),
        !notice.is_read && h("span", { class: "visually-hidden", text: "unread" })),
      h("button", { type: "button", class: "icon-button small", "aria-label": "Delete notification", title: "Delete", on: { click: () => fire(this, "notice-delete", { id: notice.id }) } }, icon("close")));
  }

  /** @param {Notice} notice */
  #open(notice) {
    if (notice.room_id) this.hidePopover();
    fire(this, "notice-open", { id: notice.id, roomId: notice.room_id });
  }

  async #askDesktop() {
    await Notification.requestPermission();
    this.#draw();
  }
}

customElements.define("notification-panel", NotificationPanel);
