// Going to a room by a few letters of its name.

import { badge } from "../format/people.js";
import { h } from "./dom.js";
import { openDialog } from "./dialogs.js";
import { icon } from "./icons.js";

/** @typedef {import("./room-list.js").RoomRow} RoomRow */

/** @param {RoomRow[]} rows @param {(id: string) => void} go */
export function roomSwitcher(rows, go) {
  /** @type {RoomRow[]} */
  let found = [];
  let active = 0;
  const field = h("input", {
    class: "field", placeholder: "Go to a room", "aria-label": "Go to a room", role: "combobox", "aria-expanded": "true", "aria-controls": "switcher-list",
    autocomplete: "off", "data-testid": "switcher-input", autofocus: true,
  });
  const list = h("div", { class: "switcher-list", role: "listbox", id: "switcher-list" });
  const dialog = openDialog("Go to a room", "room-switcher", h("div", { class: "switcher-field" }, icon("search"), field), list);
  dialog.classList.add("switcher");

  const choose = (/** @type {RoomRow | undefined} */ row) => {
    if (!row) return;
    dialog.close();
    go(row.id);
  };
  const draw = () => {
    list.replaceChildren(...(found.length === 0 ? [h("p", { class: "hint", text: "No room has that name." })] : found.map((row, index) => h("div", {
      class: "option", role: "option", id: `switch-${index}`, "aria-selected": String(index === active), on: { click: () => choose(row) },
    }, icon("hash"), h("span", { class: "option-name", text: row.name }), h("span", { class: "option-id", text: row.description }),
      row.unread > 0 && h("span", { class: row.mentions > 0 ? "badge strong" : "badge", text: badge(row.unread) })))));
    field.setAttribute("aria-activedescendant", `switch-${active}`);
    list.children[active]?.scrollIntoView({ block: "nearest" });
  };
  const search = () => {
    const wanted = field.value.trim().toLowerCase().replace(/^#/, "");
    found = rows.filter((row) => `${row.name} ${row.id}`.toLowerCase().includes(wanted)).sort((a, b) => rank(a, wanted) - rank(b, wanted));
    active = 0;
    draw();
  };
  field.addEventListener("input", search);
  field.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") active = Math.min(found.length - 1, active + 1);
    else if (event.key === "ArrowUp") active = Math.max(0, active - 1);
    else if (event.key === "Enter") choose(found[active]);
    else return;
    event.preventDefault();
    draw();
  });
  search();
  field.focus();
}

/** @param {RoomRow} row @param {string} wanted smaller is better */
function rank(row, wanted) {
  const starts = wanted !== "" && row.name.toLowerCase().startsWith(wanted) ? 0 : 4;
  return starts + (row.current ? 3 : row.mentions > 0 ? 0 : row.unread > 0 ? 1 : 2);
}
