// Changing a message in place: Enter saves, Escape leaves it as it was.

import { fire, h } from "./dom.js";

/**
 * @param {string} content
 * @param {{ save: (content: string) => void, cancel: () => void }} actions
 */
export function messageEditor(content, { save, cancel }) {
  const field = h("textarea", { class: "edit-field", rows: "1", maxlength: "16000", "aria-label": "Edit message", "data-testid": "edit-input" });
  field.value = content;
  const fit = () => {
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight + 2}px`;
  };
  const submit = () => {
    const text = field.value.trim();
    if (text === "" || text === content) cancel();
    else save(text);
  };
  field.addEventListener("input", fit);
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      submit();
    } else if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      cancel();
    }
  });
  const element = h("div", { class: "editor" }, field, h("div", { class: "editor-actions" },
    h("button", { type: "button", class: "button small", text: "Cancel", on: { click: cancel } }),
    h("button", { type: "button", class: "button small primary", text: "Save", "data-testid": "edit-save", on: { click: submit } }),
    h("span", { class: "hint", text: "Enter to save · Esc to cancel" })));
  requestAnimationFrame(() => {
    fit();
    field.focus();
    field.setSelectionRange(field.value.length, field.value.length);
    fire(field, "edit-started");
  });
  return element;
}
