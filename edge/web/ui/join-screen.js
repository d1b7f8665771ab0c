// The way in: a name is enough; an account is a second thought.

import { slug } from "../client/ids.js";
import { avatar } from "./avatar.js";
import { h } from "./dom.js";

/** @typedef {"guest" | "signin" | "register"} Mode */
/**
 * @typedef {object} Entry
 * @property {(userId: string, username: string) => Promise<void>} guest
 * @property {(userId: string, password: string) => Promise<void>} signIn
 * @property {(userId: string, username: string, password: string) => Promise<void>} register
 */

/** @type {Record<Mode, { title: string, lead: string, action: string }>} */
const TEXTS = {
  guest: { title: "Welcome to ChatFlow", lead: "Pick a name and start talking.", action: "Join" },
  signin: { title: "Welcome back", lead: "Sign in with your account.", action: "Sign in" },
  register: { title: "Create an account", lead: "Keep your name and your place in every room.", action: "Create account" },
};

export class JoinScreen extends HTMLElement {
  /** What can be done with what was typed. @type {Entry | null} */
  entry = null;
  /** @type {Mode} */
  #mode = "guest";
  #title = h("h1");
  #lead = h("p", { class: "lead" });
  #name = h("input", { id: "join-name", class: "field large", required: true, maxlength: "64", autocomplete: "nickname", spellcheck: "false", autocapitalize: "words", "data-testid": "join-name", "aria-describedby": "join-id" });
  #nameLabel = h("label", { for: "join-name" });
  #preview = h("p", { class: "preview", id: "join-id" });
  #password = h("input", { id: "join-password", class: "field large", type: "password", maxlength: "256", "data-testid": "join-password" });
  #passwordRow = h("div", { class: "form-row" }, h("label", { for: "join-password", text: "Password" }), this.#password);
  #error = h("p", { class: "form-error", role: "alert", "data-testid": "join-error" });
  #submit = h("button", { type: "submit", class: "button primary large", "data-testid": "join-button" });
  #links = h("p", { class: "links" });
  #dialog = h("dialog", { class: "join", "aria-labelledby": "join-title" });

  connectedCallback() {
    if (this.firstChild) return;
    this.#title.id = "join-title";
    const mark = h("img", { class: "mark", src: "./favicon.svg", alt: "", width: "44", height: "44" });
    const form = h("form", { class: "form", on: { submit: (/** @type {Event} */ event) => this.#enter(event) } },
      h("div", { class: "form-row" }, this.#nameLabel, this.#name, this.#preview), this.#passwordRow, this.#error, this.#submit, this.#links);
    this.#dialog.append(mark, this.#title, this.#lead, form);
    this.#dialog.addEventListener("cancel", (event) => event.preventDefault());
    this.#name.addEventListener("input", () => this.#typed());
    this.append(this.#dialog);
    this.#switch("guest");
    this.#dialog.showModal();
    this.#name.focus();
  }

  /** @param {string} text why one has to sign in again */
  set notice(text) {
    this.#error.textContent = text;
  }

  /** @param {Mode} mode */
  #switch(mode) {
    this.#mode = mode;
    const { title, lead, action } = TEXTS[mode];
    this.#title.textContent = title;
    this.#lead.textContent = lead;
    this.#submit.textContent = action;
    this.#error.textContent = "";
    this.#nameLabel.textContent = mode === "signin" ? "Your name or id" : "Your name";
    this.#passwordRow.hidden = mode === "guest";
    this.#password.required = mode !== "guest";
    this.#password.minLength = mode === "register" ? 8 : 1;
    this.#password.autocomplete = mode === "register" ? "new-password" : "current-password";
    this.#links.replaceChildren(...(mode === "guest"
      ? [this.#link("I have an account", "signin"), this.#link("Create an account", "register")]
      : [this.#link("Join with just a name", "guest"), mode === "signin" ? this.#link("Create an account", "register") : this.#link("I have an account", "signin")]));
    this.#typed();
  }

  /** @param {string} text @param {Mode} mode */
  #link(text, mode) {
    return h("button", { type: "button", class: "link", text, "data-testid": `join-${mode}`, on: { click: () => { this.#switch(mode); this.#name.focus(); } } });
  }

  #typed() {
    const name = this.#name.value.trim();
    const id = slug(name);
    this.#submit.disabled = id === "";
    if (id === "") this.#preview.replaceChildren(name === "" ? "This is how others see you." : "Use at least one letter or digit.");
    else this.#preview.replaceChildren(avatar({ user_id: id, username: name }), h("span", {}, "You will be ", h("strong", { text: `@${id}` })));
  }

  /** @param {Event} event */
  async #enter(event) {
    event.preventDefault();
    const name = this.#name.value.trim();
    const id = slug(name);
    if (!this.entry || id === "") return;
    this.#submit.disabled = true;
    this.#submit.setAttribute("aria-busy", "true");
    this.#error.textContent = "";
    try {
      if (this.#mode === "guest") await this.entry.guest(id, name);
      else if (this.#mode === "signin") await this.entry.signIn(id, this.#password.value);
      else await this.entry.register(id, name, this.#password.value);
    } catch (problem) {
      const { status, message } = /** @type {{ status?: number, message: string }} */ (problem);
      this.#error.textContent = this.#explain(status ?? 0, message);
    } finally {
      this.#submit.disabled = false;
      this.#submit.removeAttribute("aria-busy");
    }
  }

  /** @param {number} status @param {string} message */
  #explain(status, message) {
    if (status === 409 && this.#mode === "guest") return "That name belongs to an account. If it is yours, sign in; otherwise choose another.";
    if (status === 409) return "That name is taken. Choose another.";
    if (status === 401) return "The name or the password is wrong.";
    return message;
  }
}

customElements.define("join-screen", JoinScreen);
