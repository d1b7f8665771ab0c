// The rooms with what is unread in them.

import { badge } from "../format/people.js";
import { fire, h, reconcile } from "./dom.js";
import { icon } from "./icons.js";

/** @typedef {{ id: string, name: string, description: string, unread: number, mentions: number, draft: boolean, current: boolean }} RoomRow */

export class RoomList extends HTMLElement {
  #list = h("div", { class: "rooms", role: "list", "aria-label": "Rooms" }, ...[1, 2, 3].map(() => h("span", { class: "bone room-bone", "aria-hidden": "true" })));
  /** @type {Map<string, { element: HTMLElement, signature: string }>} */
  #rows = new Map();

  connectedCallback() {
    if (this.firstChild) return;
    this.append(h("div", { class: "section-head" }, h("h2", { text: "Rooms" }),
      h("button", { type: "button", class: "icon-button small", "aria-label": "Create a room", title: "Create a room", "data-testid": "create-room", on: { click: () => fire(this, "room-create") } }, icon("plus"))), this.#list);
    this.addEventListener("keydown", (event) => this.#key(event));
  }

  /** @param {RoomRow[]} rows */
  set rooms(rows) {
    reconcile(this.#list, rows.map((row) => this.#row(row)));
  }

  /** @param {RoomRow} row */
  #row(row) {
    const signature = JSON.stringify(row);
    const known = this.#rows.get(row.id);
    if (known?.signature === signature) return known.element;
    const element = known?.element ?? h("div", { role: "listitem" }, h("button", { type: "button", class: "room", "data-testid": "room-item", "data-room-id": row.id, on: { click: () => fire(this, "room-select", { id: row.id }) } }));
    this.#rows.set(row.id, { element, signature });
    const button = /** @type {HTMLElement} */ (element.firstElementChild);
    button.classList.toggle("unread", row.unread > 0);
    button.title = row.description;
    if (row.current) button.setAttribute("aria-current", "page");
    else button.removeAttribute("aria-current");
    const label = row.mentions > 0 ? `${row.unread} unread, ${row.mentions} mention you` : `${row.unread} unread`;
    const children = [icon("hash"), h("span", { class: "room-name", text: row.name })];
    if (row.draft && !row.current) children.push(icon("pencil"));
    if (row.unread > 0) children.push(h("span", { class: row.mentions > 0 ? "badge strong" : "badge", "data-testid": "unread-badge", "aria-label": label, text: row.mentions > 0 ? `@${badge(row.mentions)}` : badge(row.unread) }));
    button.replaceChildren(...children);
    return element;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.altKey || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
    const buttons = [...this.#list.querySelectorAll("button")];
    const at = buttons.indexOf(/** @type {any} */ (document.activeElement));
    if (at === -1) return;
    event.preventDefault();
    buttons[Math.max(0, Math.min(buttons.length - 1, at + (event.key === "ArrowUp" ? -1 : 1)))].focus();
  }
}

customElements.define("room-list", RoomList);
