// The small dialogs: one frame for all, closed by Escape, by a click beside it, by its cross.

import { slug } from "../client/ids.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";

/**
 * @param {string} title
 * @param {string} testid
 * @param {...(Node | string)} content
 */
export function openDialog(title, testid, ...content) {
  const dialog = h("dialog", { class: "dialog", "aria-label": title, "data-testid": testid },
    h("div", { class: "dialog-head" }, h("h2", { text: title }),
      h("button", { type: "button", class: "icon-button small", "aria-label": "Close", on: { click: () => dialog.close() } }, icon("close"))), ...content);
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/**
 * @param {(id: string, name: string, description: string) => Promise<unknown>} create rejected with the reason
 * @param {(id: string) => void} created once the dialog is away
 */
export function createRoomDialog(create, created) {
  const name = h("input", { class: "field", required: true, maxlength: "80", autocomplete: "off", placeholder: "Project Apollo", "data-testid": "room-name", id: "room-name", autofocus: true });
  const description = h("input", { class: "field", maxlength: "500", autocomplete: "off", placeholder: "What is it about?", "data-testid": "room-description", id: "room-description" });
  const preview = h("p", { class: "hint", text: " " });
  const error = h("p", { class: "form-error", role: "alert" });
  const submit = h("button", { type: "submit", class: "button primary", text: "Create room", disabled: true, "data-testid": "room-create-submit" });
  name.addEventListener("input", () => {
    const id = slug(name.value);
    preview.textContent = id ? `Its id is #${id}` : " ";
    submit.disabled = id === "";
  });
  const form = h("form", { class: "form" }, h("label", { for: "room-name", text: "Name" }), name, preview,
    h("label", { for: "room-description" }, "Description ", h("span", { class: "hint", text: "(optional)" })), description, error,
    h("div", { class: "form-actions" }, h("button", { type: "button", class: "button", text: "Cancel", on: { click: () => dialog.close() } }), submit));
  const dialog = openDialog("Create a room", "create-room-dialog", form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    submit.disabled = true;
    error.textContent = "";
    const id = slug(name.value);
    try {
      await create(id, name.value.trim(), description.value.trim());
      dialog.close();
      created(id);
    } catch (problem) {
      error.textContent = problem instanceof Error ? problem.message : String(problem);
      submit.disabled = false;
    }
  });
}

/** @param {string} title @param {string} text @param {string} action @returns {Promise<boolean>} */
export function confirmDialog(title, text, action) {
  return new Promise((resolve) => {
    const yes = h("button", { type: "button", class: "button danger", text: action, "data-testid": "confirm", autofocus: true });
    const no = h("button", { type: "button", class: "button", text: "Cancel" });
    const dialog = openDialog(title, "confirm-dialog", h("p", { text }), h("div", { class: "form-actions" }, no, yes));
    let sure = false;
    yes.addEventListener("click", () => {
      sure = true;
      dialog.close();
    });
    no.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => resolve(sure));
  });
}

const SHORTCUTS = [
  ["Go to a room", "Ctrl K"], ["Room above, below", "Alt ↑ ↓"], ["Send", "Enter"], ["New line", "Shift Enter"],
  ["Edit your last message", "↑"], ["Walk through the messages", "F6 ↑ ↓"], ["Edit, copy, delete the one in focus", "E C Del"],
  ["Mention somebody", "@"], ["Go to the newest message", "Esc"], ["These shortcuts", "? Ctrl+/"],
];

export function shortcutsDialog() {
  const mac = /Mac|iPhone|iPad/.test(navigator.platform);
  openDialog("Keyboard shortcuts", "shortcuts-dialog", h("dl", { class: "shortcuts" }, ...SHORTCUTS.flatMap(([what, keys]) => [
    h("dt", { text: what }),
    h("dd", {}, ...keys.split(" ").map((key) => h("kbd", { text: mac ? key.replace("Ctrl", "⌘").replace("Alt", "⌥") : key }))),
  ])));
}

/** @param {string} src @param {string} name @param {() => void} save */
export function lightbox(src, name, save) {
  const dialog = openDialog(name, "lightbox", h("img", { src, alt: name }));
  dialog.classList.add("lightbox");
  dialog.querySelector(".dialog-head .icon-button")?.before(h("button", { type: "button", class: "icon-button small", "aria-label": `Download ${name}`, title: "Download", on: { click: save } }, icon("download")));
}
