// Who is here: online first, then those who have written in this room and are away.

import { avatar } from "./avatar.js";
import { fire, h, reconcile } from "./dom.js";
import { icon } from "./icons.js";

/** @typedef {import("../client/types.js").Person} Person */

export class MemberList extends HTMLElement {
  #online = section("Online");
  #offline = section("Away");
  /** @type {Map<string, { element: HTMLElement, signature: string }>} */
  #rows = new Map();

  connectedCallback() {
    if (this.firstChild) return;
    this.append(h("div", { class: "panel-head" }, h("h2", { text: "People" }),
      h("button", { type: "button", class: "icon-button small", "aria-label": "Close the list of people", on: { click: () => fire(this, "members-toggle") } }, icon("close"))),
    h("div", { class: "panel-body" }, this.#online.element, this.#offline.element));
  }

  /** @param {Person[]} online @param {Person[]} offline @param {string} me */
  update(online, offline, me) {
    this.#fill(this.#online, online, me);
    this.#fill(this.#offline, offline, me);
  }

  /** @param {ReturnType<typeof section>} part @param {Person[]} people @param {string} me */
  #fill(part, people, me) {
    part.element.hidden = people.length === 0;
    part.count.textContent = String(people.length);
    reconcile(part.list, people.map((person) => this.#row(person, me)));
  }

  /** @param {Person} person @param {string} me */
  #row(person, me) {
    const signature = `${person.username}|${person.status}`;
    const known = this.#rows.get(person.user_id);
    if (known?.signature === signature) return known.element;
    const mine = person.user_id === me;
    const element = h("div", { class: `member ${person.status}`, role: "listitem", title: `@${person.user_id}`, "data-testid": person.status === "online" ? "online-user" : "offline-user", "data-user-id": person.user_id },
      avatar(person, person.status), h("span", { class: "member-name", text: person.username }), mine && h("span", { class: "you", text: "you" }),
      h("span", { class: "visually-hidden", text: person.status }));
    this.#rows.set(person.user_id, { element, signature });
    return element;
  }
}

/** @param {string} title */
function section(title) {
  const count = h("span", { class: "section-count" });
  const list = h("div", { class: "members", role: "list", "aria-label": title });
  return { count, list, element: h("section", { hidden: true }, h("h3", {}, title, " ", count), list) };
}

customElements.define("member-list", MemberList);
