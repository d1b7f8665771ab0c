// One message in the timeline, sent or not yet.

import { exact, messageTime, shortClock } from "../format/time.js";
import { avatar } from "./avatar.js";
import { fire, h } from "./dom.js";
import { FileAttachment } from "./file-attachment.js";
import { icon } from "./icons.js";
import { messageEditor } from "./message-editor.js";
import { richText } from "./rich-text.js";

/** @typedef {import("./file-attachment.js").FileSource} FileSource */
/**
 * @typedef {object} MessageView
 * @property {string} id the message's id, or the client's while it has none
 * @property {number | null} seq
 * @property {string} user_id
 * @property {string} username
 * @property {string} content
 * @property {string | null} file_url set for files
 * @property {string} timestamp
 * @property {boolean} edited
 * @property {boolean} continued follows one of the same author: no head of its own
 * @property {"sent" | "pending" | "failed"} state
 * @property {string} reason why it failed
 * @property {string} me my user id
 */

export class ChatMessage extends HTMLElement {
  /** @type {MessageView | null} */
  view = null;
  #signature = "";
  #editing = false;
  #content = h("div", { class: "content" });
  #foot = h("div", { class: "foot" });
  #time = h("time");

  get mine() {
    return this.view !== null && this.view.user_id === this.view.me;
  }

  /** Whether the person may change it now. */
  get changeable() {
    return this.mine && this.view?.state === "sent";
  }

  /** @param {MessageView} view @param {FileSource} files */
  set(view, files) {
    const signature = JSON.stringify(view);
    if (signature === this.#signature) return;
    const before = this.view;
    this.#signature = signature;
    this.view = view;
    this.className = `message${view.continued ? " continued" : ""}${this.mine ? " mine" : ""}`;
    this.setAttribute("role", "listitem");
    if (!this.hasAttribute("tabindex")) this.tabIndex = -1;
    Object.assign(this.dataset, { testid: "message", messageId: view.id, seq: String(view.seq ?? ""), state: view.state });
    const headChanged = !before || before.continued !== view.continued || before.timestamp !== view.timestamp || before.username !== view.username;
    if (headChanged) this.#drawHead(view);
    if (!before || before.content !== view.content || before.file_url !== view.file_url || before.edited !== view.edited) this.#drawContent(view, files);
    this.#drawFoot(view);
  }

  edit() {
    const { view } = this;
    if (!view || !this.changeable || view.file_url || this.#editing) return;
    this.#editing = true;
    const close = () => {
      this.#editing = false;
      editor.replaceWith(this.#content);
      fire(this, "edit-closed");
    };
    const editor = messageEditor(view.content, {
      cancel: close,
      save: (content) => {
        close();
        fire(this, "message-edit", { id: view.id, content });
      },
    });
    this.#content.replaceWith(editor);
  }

  /** @param {Date} now */
  refreshTime(now) {
    if (!this.view) return;
    const date = new Date(this.view.timestamp);
    const text = this.view.continued ? shortClock(date) : messageTime(date, now);
    if (this.#time.textContent !== text) this.#time.textContent = text;
  }

  /** @param {MessageView} view */
  #drawHead(view) {
    const time = this.#time;
    time.dateTime = view.timestamp;
    time.title = exact(new Date(view.timestamp));
    const body = h("div", { class: "body" });
    if (view.continued) {
      body.append(h("span", { class: "visually-hidden", text: `${view.username}: ` }), this.#current(), this.#foot);
      this.replaceChildren(h("span", { class: "gutter" }, time), body);
    } else {
      body.append(h("div", { class: "head" }, h("span", { class: "author", title: `@${view.user_id}`, text: view.username }), time), this.#current(), this.#foot);
      this.replaceChildren(avatar(view), body);
    }
    this.refreshTime(new Date());
  }

  /** What stands for the content: itself, or the editor in its place. */
  #current() {
    return (this.#editing && this.querySelector(".editor")) || this.#content;
  }

  /** @param {MessageView} view @param {FileSource} files */
  #drawContent(view, files) {
    if (view.file_url) {
      const known = this.#content.querySelector("file-attachment");
      const attachment = known instanceof FileAttachment ? known : new FileAttachment();
      attachment.set(files, view.file_url, view.content);
      if (!known) this.#content.replaceChildren(attachment);
    } else {
      this.#content.replaceChildren(...richText(view.content, view.me));
    }
    if (view.edited) {
      const last = this.#content.lastElementChild;
      (last instanceof HTMLParagraphElement ? last : this.#content).append(" ", h("span", { class: "edited", text: "(edited)" }));
    }
    this.classList.toggle("names-me", this.#content.querySelector(".mention.mine") !== null);
  }

  /** @param {MessageView} view */
  #drawFoot(view) {
    this.classList.toggle("names-me", this.#content.querySelector(".mention.mine") !== null);
    if (view.state === "failed") {
      this.#foot.replaceChildren(h("div", { class: "failure", role: "alert" }, icon("alert"), h("span", { text: `Not sent. ${view.reason}` }),
        h("button", { type: "button", class: "link", text: "Try again", "data-testid": "retry", on: { click: () => fire(this, "message-retry", { id: view.id }) } }),
        h("button", { type: "button", class: "link", text: "Discard", "data-testid": "discard", on: { click: () => fire(this, "message-discard", { id: view.id }) } })));
    } else if (view.state === "pending") {
      this.#foot.replaceChildren(h("span", { class: "sending", text: "Sending…" }));
    } else {
      this.#foot.replaceChildren();
    }
  }
}

customElements.define("chat-message", ChatMessage);
