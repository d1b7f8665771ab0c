// A person's mark: initials on a colour that is always the same for them.

import { hue, initials } from "../format/people.js";
import { h } from "./dom.js";

/** @param {{ user_id: string, username: string }} person @param {"online" | "offline"} [status] adds the dot */
export function avatar({ user_id, username }, status) {
  const element = h("span", { class: "avatar", "aria-hidden": "true", "data-status": status }, initials(username || user_id));
  element.style.setProperty("--hue", String(hue(user_id)));
  return element;
}
