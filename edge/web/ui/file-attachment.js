// A file in the timeline: an image inline in a frame of fixed size, anything else as a card.

import { fileId } from "../client/files.js";
import { fileSize } from "../format/people.js";
import { fire, h } from "./dom.js";
import { icon } from "./icons.js";

/** @typedef {import("../client/types.js").StoredFile} StoredFile */
/**
 * @typedef {object} FileSource where files come from
 * @property {(id: string) => Promise<StoredFile>} info
 * @property {(id: string) => Promise<string>} url
 * @property {(id: string) => Promise<Blob>} download
 */

const INLINE = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);
const LOOKS_INLINE = /\.(png|jpe?g|gif|webp)$/i;

const near = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    near.unobserve(entry.target);
    /** @type {FileAttachment} */ (entry.target).load();
  }
}, { rootMargin: "600px" });

export class FileAttachment extends HTMLElement {
  /** @type {FileSource | null} */
  #source = null;
  #id = "";
  #url = "";
  #name = "";
  #shown = false;

  /** @param {FileSource} source @param {string} url of the message @param {string} name */
  set(source, url, name) {
    const id = fileId(url);
    if (this.#url === url && this.#name === name) return;
    Object.assign(this, { className: "attachment" });
    this.#source = source;
    this.#id = id ?? "";
    this.#url = url;
    this.#name = name;
    this.#shown = false;
    if (!id) {
      this.#card("This file cannot be shown.", false);
      return;
    }
    if (LOOKS_INLINE.test(name)) this.#frame();
    else this.#card("…", true);
  }

  connectedCallback() {
    if (this.#id && !this.#shown) near.observe(this);
  }

  disconnectedCallback() {
    near.unobserve(this);
  }

  async load() {
    const source = this.#source;
    const id = this.#id;
    if (!source || this.#shown) return;
    this.#shown = true;
    try {
      const info = await source.info(id);
      this.#name = info.original_name;
      if (INLINE.has(info.content_type)) await this.#image(source, info);
      else this.#card(`${fileSize(info.size_bytes)} · ${info.content_type}`, true);
    } catch {
      this.#shown = false;
      this.#failed();
    }
  }

  /** @param {FileSource} source @param {StoredFile} info */
  async #image(source, info) {
    const button = this.#frame();
    const img = h("img", { alt: info.original_name, decoding: "async", src: await source.url(info.id) });
    await img.decode();
    button.disabled = false;
    button.replaceChildren(img);
    button.addEventListener("click", () => fire(this, "image-open", { id: info.id, src: img.src, name: info.original_name }));
  }

  #frame() {
    const button = h("button", { class: "image-frame", type: "button", disabled: true, "aria-label": `Show ${this.#name}` });
    this.replaceChildren(button);
    return button;
  }

  /** @param {string} detail @param {boolean} available */
  #card(detail, available) {
    const link = h("a", {
      class: "file-card", href: available ? this.#url : null, download: this.#name, "data-testid": "file-card",
      on: { click: (/** @type {MouseEvent} */ event) => this.#download(event) },
    }, icon("file"), h("span", { class: "file-text" }, h("span", { class: "file-name", text: this.#name }), h("span", { class: "file-detail", text: detail })),
      available && icon("download"));
    this.replaceChildren(link);
  }

  #failed() {
    const retry = h("button", { class: "file-card", type: "button", on: { click: () => this.load() } }, icon("alert"),
      h("span", { class: "file-text" }, h("span", { class: "file-name", text: this.#name }), h("span", { class: "file-detail", text: "Could not be loaded. Try again" })), icon("retry"));
    this.replaceChildren(retry);
  }

  /** A plain click takes the bytes with the session's token; other clicks are the browser's own. @param {MouseEvent} event */
  async #download(event) {
    if (event.ctrlKey || event.metaKey || event.shiftKey || !this.#source) return;
    event.preventDefault();
    fire(this, "file-save", { id: this.#id, name: this.#name });
  }
}

customElements.define("file-attachment", FileAttachment);
