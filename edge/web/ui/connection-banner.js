// The state of the connection, told only when it matters.

import { h } from "./dom.js";

/** @typedef {"online" | "connecting" | "offline" | "stopped"} State */

const PATIENCE_MS = 700;
const BACK_MS = 2_500;

export class ConnectionBanner extends HTMLElement {
  #text = h("span");
  #retry = h("button", { type: "button", class: "link", text: "Try now", on: { click: () => this.dispatchEvent(new CustomEvent("reconnect", { bubbles: true })) } });
  #troubled = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  connectedCallback() {
    if (this.firstChild) return;
    this.dataset.testid = "connection-banner";
    this.setAttribute("role", "status");
    this.hidden = true;
    this.append(h("span", { class: "pulse", "aria-hidden": "true" }), this.#text, this.#retry);
  }

  /** @param {State} state @param {number} pending messages that wait */
  update(state, pending) {
    clearTimeout(this.#timer);
    if (state === "online") {
      if (this.#troubled) this.#show("back", "Back online", false);
      this.#timer = setTimeout(() => this.#hide(), this.#troubled ? BACK_MS : 0);
      this.#troubled = false;
    } else if (state === "connecting" && !this.#troubled) {
      this.dataset.state = "connecting";
      this.#timer = setTimeout(() => this.#show("connecting", "Connecting…", false), PATIENCE_MS);
    } else if (state === "connecting") {
      this.#show("connecting", "Connecting…", false);
    } else if (state === "offline") {
      this.#troubled = true;
      const waiting = pending === 1 ? "Your message will be sent when the connection is back." : pending > 1 ? `${pending} messages will be sent when the connection is back.` : "Messages will be sent when the connection is back.";
      this.#show("offline", `Offline. ${waiting}`, true);
    }
  }

  /** The server will not have us, and says why; this stays until it is tried again. @param {string} reason */
  refuse(reason) {
    clearTimeout(this.#timer);
    this.#troubled = true;
    this.#show("refused", reason, true);
  }

  /** @param {string} state @param {string} text @param {boolean} retry */
  #show(state, text, retry) {
    this.hidden = false;
    this.dataset.state = state;
    if (this.#text.textContent !== text) this.#text.textContent = text;
    this.#retry.hidden = !retry;
  }

  #hide() {
    this.hidden = true;
    this.dataset.state = "online";
    this.#text.textContent = "";
  }
}

customElements.define("connection-banner", ConnectionBanner);
