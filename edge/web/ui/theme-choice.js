// Light, dark, or as the system has it. Kept in the browser; `theme.js` applies it before the first paint.

import { h } from "./dom.js";

const KEY = "chatflow.theme";

export function themeChoice() {
  const now = document.documentElement.dataset.theme ?? "system";
  return h("fieldset", { class: "segments" }, h("legend", { text: "Appearance" }), ...["system", "light", "dark"].map((value) => h("label", {},
    h("input", { type: "radio", name: "theme", value, checked: value === now, "data-testid": `theme-${value}`, on: { change: () => choose(value) } }),
    h("span", { text: value[0].toUpperCase() + value.slice(1) }))));
}

/** @param {string} value */
function choose(value) {
  if (value === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = value;
  try {
    if (value === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, value);
  } catch {
    // Storage may be forbidden: the choice then lasts as long as the page.
  }
}
