// The small toolbar on the message under the pointer or the focus: one for the whole timeline.

import { fire, h } from "./dom.js";
import { icon } from "./icons.js";

/** @typedef {import("./chat-message.js").ChatMessage} ChatMessage */

export class MessageActions {
  /** @type {ChatMessage | null} */
  #target = null;
  #edit = action("pencil", "Edit", "edit-message", () => this.#target?.edit());
  #copy = action("copy", "Copy text", "copy-message", () => this.copy());
  #remove = action("trash", "Delete", "delete-message", () => this.remove());
  #bar = h("div", { class: "message-actions", role: "toolbar", "aria-label": "Message actions" }, this.#copy, this.#edit, this.#remove);

  /** @param {ChatMessage | null} message where to show it; null: nowhere */
  show(message) {
    if (message === this.#target && this.#bar.parentElement === message) return;
    this.#target = message;
    this.#bar.remove();
    if (!message || message.view?.state !== "sent") return;
    this.#edit.hidden = !message.changeable || message.view.file_url !== null;
    this.#remove.hidden = !message.changeable;
    message.append(this.#bar);
  }

  copy() {
    const { view } = this.#target ?? {};
    if (view) fire(this.#bar, "message-copy", { content: view.content });
  }

  remove() {
    const { view } = this.#target ?? {};
    if (view && this.#target?.changeable) fire(this.#target, "message-delete", { id: view.id });
  }
}

/** @param {string} name @param {string} label @param {string} testid @param {() => void} click */
function action(name, label, testid, click) {
  return h("button", { type: "button", class: "icon-button small", title: label, "aria-label": label, "data-testid": testid, on: { click } }, icon(name));
}
