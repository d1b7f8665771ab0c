// Completing `@name` while writing: a list above the field, chosen with the arrows and Enter or Tab.

import { avatar } from "./avatar.js";
import { h } from "./dom.js";

/** @typedef {import("../client/types.js").Person} Person */

const SHOWN = 6;

export class MentionPicker {
  element = h("div", { class: "mention-picker", role: "listbox", id: "mention-list", hidden: true, "aria-label": "People" });
  /** @type {Person[]} */
  people = [];
  /** @type {Person[]} */
  #found = [];
  #active = 0;
  #field;

  /** @param {HTMLTextAreaElement} field */
  constructor(field) {
    this.#field = field;
    field.addEventListener("blur", () => setTimeout(() => this.close(), 150));
  }

  /** The text changed: is a name being written? */
  update() {
    const typed = this.#typed();
    if (typed === null || this.people.some((person) => person.user_id === typed)) {
      this.close();
      return;
    }
    const wanted = typed.toLowerCase();
    this.#found = this.people
      .filter((person) => person.user_id.startsWith(wanted) || person.username.toLowerCase().split(/\s+/).some((word) => word.startsWith(wanted)))
      .sort((a, b) => Number(b.status === "online") - Number(a.status === "online") || a.username.localeCompare(b.username))
      .slice(0, SHOWN);
    this.#active = 0;
    this.#draw();
  }

  close() {
    this.#found = [];
    this.#draw();
  }

  /** @param {KeyboardEvent} event @returns {boolean} true where the key was for the list */
  key(event) {
    const { length } = this.#found;
    if (length === 0) return false;
    if (event.key === "ArrowDown") this.#active = (this.#active + 1) % length;
    else if (event.key === "ArrowUp") this.#active = (this.#active + length - 1) % length;
    else if ((event.key === "Enter" && !event.shiftKey) || event.key === "Tab") this.#choose(this.#found[this.#active]);
    else if (event.key === "Escape") this.close();
    else return false;
    event.preventDefault();
    event.stopPropagation();
    this.#draw();
    return true;
  }

  /** @returns {string | null} what stands after the @ before the caret */
  #typed() {
    const { value, selectionStart } = this.#field;
    return /(?:^|[\s(])@([\p{L}0-9._-]{0,40})$/u.exec(value.slice(0, selectionStart))?.[1] ?? null;
  }

  /** @param {Person} person */
  #choose(person) {
    const typed = this.#typed() ?? "";
    const end = this.#field.selectionStart;
    this.#field.setRangeText(`${person.user_id} `, end - typed.length, end, "end");
    this.#field.dispatchEvent(new Event("input", { bubbles: true }));
    this.close();
  }

  #draw() {
    const open = this.#found.length > 0;
    this.element.hidden = !open;
    this.element.replaceChildren(...this.#found.map((person, index) => h("div", {
      class: "option", role: "option", id: `mention-${index}`, "aria-selected": index === this.#active ? "true" : "false",
      on: { pointerdown: (/** @type {Event} */ event) => { event.preventDefault(); this.#choose(person); } },
    }, avatar(person, person.status), h("span", { class: "option-name", text: person.username }), h("span", { class: "option-id", text: `@${person.user_id}` }))));
    this.#field.setAttribute("aria-controls", "mention-list");
    if (open) this.#field.setAttribute("aria-activedescendant", `mention-${this.#active}`);
    else this.#field.removeAttribute("aria-activedescendant");
  }
}
