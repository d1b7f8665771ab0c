// Short texts that come and go, and the line that screen readers hear.

import { h } from "./dom.js";
import { icon } from "./icons.js";

const STAY_MS = 6_000;

const stack = h("div", { class: "toasts", role: "alert", "data-testid": "toasts" });
const live = h("div", { class: "visually-hidden", "aria-live": "polite", "data-testid": "live-region" });

export function mountToasts() {
  document.body.append(stack, live);
}

/** @param {string} text @param {"error" | "info"} [kind] */
export function toast(text, kind = "error") {
  const element = h("div", { class: `toast ${kind}` }, icon(kind === "error" ? "alert" : "check"), h("span", { text }),
    h("button", { type: "button", class: "icon-button small", "aria-label": "Put away", on: { click: () => element.remove() } }, icon("close")));
  stack.append(element);
  while (stack.children.length > 3) stack.firstElementChild?.remove();
  setTimeout(() => element.remove(), STAY_MS);
}

/** @param {string} text for screen readers */
export function announce(text) {
  live.append(h("p", { text }));
  while (live.children.length > 5) live.firstElementChild?.remove();
}
