// The frame of the signed-in app: rooms, the open room, people; drawers where the screen is narrow.

import { avatar } from "./avatar.js";
import { ChatComposer } from "./chat-composer.js";
import { ChatTimeline } from "./chat-timeline.js";
import { ConnectionBanner } from "./connection-banner.js";
import { shortcutsDialog } from "./dialogs.js";
import { fire, h } from "./dom.js";
import { icon } from "./icons.js";
import { MemberList } from "./member-list.js";
import { NotificationPanel } from "./notification-panel.js";
import { RoomList } from "./room-list.js";
import { themeChoice } from "./theme-choice.js";
import { UploadTray } from "./upload-tray.js";

export class ChatApp extends HTMLElement {
  rooms = new RoomList();
  timeline = new ChatTimeline();
  composer = new ChatComposer();
  members = new MemberList();
  notices = new NotificationPanel();
  banner = new ConnectionBanner();
  uploads = new UploadTray();
  #title = h("h1", { "data-testid": "room-title" });
  #topic = h("p", { class: "topic" });
  #typing = h("div", { class: "typing", "data-testid": "typing-line" });
  #people = h("span", { class: "people-count" });
  #bellBadge = h("span", { class: "badge strong", hidden: true, "data-testid": "notifications-badge" });
  #bell = h("button", { type: "button", class: "icon-button", title: "Notifications", "aria-label": "Notifications", popovertarget: "notification-panel", "data-testid": "notifications-button" }, icon("bell"), this.#bellBadge);
  #menuBadge = h("span", { class: "dot", hidden: true });
  #menu = h("button", { type: "button", class: "icon-button menu-button", "aria-label": "Rooms", "aria-expanded": "false", "data-testid": "menu-button", on: { click: () => this.drawer("rooms") } }, icon("menu"), this.#menuBadge);
  #membersButton = h("button", { type: "button", class: "icon-button wide", title: "People", "aria-label": "People", "aria-expanded": "true", "data-testid": "members-button", on: { click: () => this.#toggleMembers() } }, icon("people"), this.#people);
  #aside = h("aside", { class: "members-panel", "aria-label": "People" }, this.members);
  #nav = h("nav", { class: "sidebar", "aria-label": "Rooms and settings" });
  #main = h("main");
  #narrow = matchMedia("(max-width: 760px)");
  #medium = matchMedia("(max-width: 1080px)");
  /** @type {"none" | "rooms" | "members"} */
  #drawer = "none";

  /** @param {{ user_id: string, username: string, guest: boolean }} me */
  show(me) {
    const mac = /Mac|iPhone|iPad/.test(navigator.platform);
    this.#nav.append(
      h("div", { class: "brand" }, h("img", { src: "./favicon.svg", alt: "", width: "26", height: "26" }), h("span", { text: "ChatFlow" })),
      h("button", { type: "button", class: "find", "data-testid": "switcher-button", on: { click: () => fire(this, "room-switch") } }, icon("search"), h("span", { text: "Go to a room" }), h("kbd", { text: mac ? "⌘K" : "Ctrl K" })),
      this.rooms, this.#account(me));
    const scrim = h("button", { type: "button", class: "scrim", "aria-label": "Close", tabindex: "-1", on: { click: () => this.drawer("none") } });
    this.#main.append(
      h("header", { class: "room-header" }, this.#menu, h("div", { class: "room-heading" }, h("div", { class: "room-title" }, icon("hash"), this.#title), this.#topic),
        h("div", { class: "header-actions" }, this.#bell, this.#membersButton)),
      this.banner, this.timeline,
      h("div", { class: "dock" }, this.uploads, this.composer, this.#typing),
      h("div", { class: "drop-target", "aria-hidden": "true" }, h("div", {}, icon("clip"), h("span", { text: "Drop to send to this room" }))));
    this.#nav.prepend(h("a", { class: "skip", href: "#composer", text: "Skip to the message field", on: { click: (/** @type {Event} */ event) => { event.preventDefault(); this.composer.focusField(); } } }));
    this.append(this.#nav, this.#main, this.#aside, scrim, this.notices);
    this.#narrow.addEventListener("change", () => this.drawer("none"));
    this.#medium.addEventListener("change", () => this.drawer("none"));
    this.addEventListener("members-toggle", () => this.#toggleMembers());
    this.#dropFiles();
    this.drawer("none");
  }

  /** @param {{ name: string, description: string }} room */
  set room({ name, description }) {
    this.#title.textContent = name;
    this.#topic.textContent = description;
    this.#topic.title = description;
  }

  /** @param {string} text */
  set typing(text) {
    if (this.#typing.dataset.text === text) return;
    this.#typing.dataset.text = text;
    this.#typing.replaceChildren(...(text === "" ? [] : [h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")), h("span", { text })]));
  }

  /** @param {number} online */
  set online(online) {
    this.#people.textContent = String(online);
    this.#membersButton.setAttribute("aria-label", `People, ${online} online`);
  }

  /** @param {boolean} connected one's own dot tells the truth */
  set connected(connected) {
    const mark = this.#nav.querySelector(".account-button .avatar");
    if (mark instanceof HTMLElement) mark.dataset.status = connected ? "online" : "offline";
  }

  /** @param {number} unread */
  set unreadNotices(unread) {
    this.#bellBadge.hidden = unread === 0;
    this.#bellBadge.textContent = unread > 99 ? "99+" : String(unread);
    this.#bell.setAttribute("aria-label", unread > 0 ? `Notifications, ${unread} unread` : "Notifications");
  }

  /** Whether another room has something new: a dot on the menu button, where the list is hidden. @param {boolean} unread */
  set elsewhere(unread) {
    this.#menuBadge.hidden = !unread;
  }

  /** @param {"none" | "rooms" | "members"} which slides over the room on narrow screens */
  drawer(which) {
    const next = this.#drawer === which ? "none" : which;
    this.#drawer = next;
    this.dataset.drawer = next;
    this.#nav.inert = this.#narrow.matches && next !== "rooms";
    this.#aside.inert = this.#medium.matches ? next !== "members" : this.dataset.members === "hidden";
    this.#main.inert = (this.#narrow.matches && next === "rooms") || (this.#medium.matches && next === "members");
    this.#menu.setAttribute("aria-expanded", String(next === "rooms"));
    this.#membersButton.setAttribute("aria-expanded", String(!this.#aside.inert));
    if (next === "rooms") this.#nav.querySelector("button")?.focus();
    if (next === "members") this.#aside.querySelector("button")?.focus();
  }

  get drawerOpen() {
    return this.#drawer !== "none";
  }

  #toggleMembers() {
    if (this.#medium.matches) {
      this.drawer("members");
      return;
    }
    this.dataset.members = this.dataset.members === "hidden" ? "shown" : "hidden";
    this.drawer("none");
  }

  /** @param {{ user_id: string, username: string, guest: boolean }} me */
  #account(me) {
    const menu = h("div", { id: "account-menu", class: "popover account-menu", popover: "auto" },
      h("div", { class: "account-card" }, avatar(me), h("div", {}, h("strong", { text: me.username }), h("span", { class: "hint", text: `@${me.user_id} · ${me.guest ? "guest" : "account"}` }))),
      themeChoice(),
      h("button", { type: "button", class: "menu-item", on: { click: () => { menu.hidePopover(); shortcutsDialog(); } } }, h("span", { text: "Keyboard shortcuts" }), h("kbd", { text: "?" })),
      h("button", { type: "button", class: "menu-item", "data-testid": "sign-out", on: { click: () => fire(this, "sign-out") } }, h("span", { text: "Sign out" })));
    return h("div", { class: "account" }, h("button", { type: "button", class: "account-button", popovertarget: "account-menu", "data-testid": "account-button", title: "Settings" },
      avatar(me, "online"), h("span", { class: "account-text" }, h("span", { class: "account-name", text: me.username }), h("span", { class: "hint", text: `@${me.user_id}` })), h("span", { class: "visually-hidden", text: "Settings" }), icon("more")), menu);
  }

  #dropFiles() {
    let depth = 0;
    const hasFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") ?? false;
    const over = (/** @type {number} */ by) => {
      depth = Math.max(0, depth + by);
      this.#main.classList.toggle("dropping", depth > 0);
    };
    this.#main.addEventListener("dragenter", (event) => hasFiles(event) && over(1));
    this.#main.addEventListener("dragleave", (event) => hasFiles(event) && over(-1));
    this.addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
    this.addEventListener("drop", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      over(-depth);
      fire(this, "files-chosen", { files: [...(event.dataTransfer?.files ?? [])] });
    });
  }
}

customElements.define("chat-app", ChatApp);
