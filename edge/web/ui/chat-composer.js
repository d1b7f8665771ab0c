// Where messages are written: the text field, files by button, drop and paste, and the tray of uploads.

import { fire, h } from "./dom.js";
import { icon } from "./icons.js";
import { MentionPicker } from "./mention-picker.js";

/** @typedef {import("../client/types.js").Person} Person */

const MAX_CHARACTERS = 16_000;

export class ChatComposer extends HTMLElement {
  #field = h("textarea", {
    rows: "1", "data-testid": "composer", "aria-label": "Message", enterkeyhint: "send", autocomplete: "off",
    "aria-describedby": "composer-count",
  });
  #count = h("span", { id: "composer-count", class: "count", role: "status" });
  #file = h("input", { type: "file", multiple: true, hidden: true, "data-testid": "upload-input", "aria-label": "Files to send", tabindex: "-1" });
  #send = h("button", { type: "submit", class: "send", disabled: true, "aria-label": "Send message", title: "Send (Enter)", "data-testid": "send-button" }, icon("send"));
  #attach = h("button", { type: "button", class: "icon-button", "aria-label": "Attach files", title: "Attach files", on: { click: () => this.#file.click() } }, icon("clip"));
  #picker = new MentionPicker(this.#field);

  connectedCallback() {
    if (this.firstChild) return;
    this.#field.disabled = this.#attach.disabled = true;
    const form = h("form", { class: "composer", on: { submit: (/** @type {Event} */ event) => this.#submit(event) } },
      this.#picker.element, this.#attach, this.#field, this.#count, this.#send, this.#file);
    this.append(form);
    this.#field.addEventListener("input", () => this.#changed(true));
    this.#field.addEventListener("keydown", (event) => this.#key(event));
    this.#field.addEventListener("paste", (event) => this.#paste(event));
    this.#file.addEventListener("change", () => {
      fire(this, "files-chosen", { files: [...(this.#file.files ?? [])] });
      this.#file.value = "";
    });
  }

  get value() {
    return this.#field.value;
  }

  /** @param {string} roomName @param {string} draft what was being written there */
  show(roomName, draft) {
    this.#field.disabled = this.#attach.disabled = false;
    this.#field.placeholder = `Message ${roomName}`;
    this.#field.setAttribute("aria-label", `Message ${roomName}`);
    this.#field.value = draft;
    this.#picker.close();
    this.#changed(false);
  }

  /** @param {Person[]} people who can be mentioned */
  set people(people) {
    this.#picker.people = people;
  }

  focusField() {
    this.#field.focus();
  }

  /** @param {Event} event */
  #submit(event) {
    event.preventDefault();
    const content = this.#field.value.trim();
    if (content === "" || [...content].length > MAX_CHARACTERS) return;
    this.#field.value = "";
    this.#picker.close();
    this.#changed(false);
    fire(this, "message-send", { content });
    fire(this, "draft", { text: "" });
    this.#field.focus();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.isComposing || this.#picker.key(event)) return;
    if (event.key === "Enter" && !event.shiftKey && !event.ctrlKey && !event.altKey && !event.metaKey) {
      this.#submit(event);
    } else if (event.key === "ArrowUp" && this.#field.value === "" && !event.altKey) {
      event.preventDefault();
      fire(this, "edit-last");
    }
  }

  /** @param {ClipboardEvent} event */
  #paste(event) {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    fire(this, "files-chosen", { files });
  }

  /** @param {boolean} byHand */
  #changed(byHand) {
    const field = this.#field;
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight}px`;
    const length = field.value.length > MAX_CHARACTERS - 1000 ? [...field.value.trim()].length : 0;
    this.#count.textContent = length > MAX_CHARACTERS - 500 ? `${MAX_CHARACTERS - length}` : "";
    this.#count.classList.toggle("over", length > MAX_CHARACTERS);
    this.#send.disabled = field.value.trim() === "" || length > MAX_CHARACTERS;
    if (!byHand) return;
    this.#picker.update();
    fire(this, "draft", { text: field.value });
  }
}

customElements.define("chat-composer", ChatComposer);
