// What a timeline shows in place of messages: loading, nothing yet, could not load.

import { h } from "./dom.js";
import { icon } from "./icons.js";

export function skeletons() {
  const widths = ["62%", "38%", "74%", "51%", "30%", "66%"];
  return [h("div", { class: "skeletons", role: "status", "aria-label": "Loading messages" }, ...widths.map((width) => {
    const line = h("span", { class: "bone line" });
    line.style.width = width;
    return h("div", { class: "skeleton" }, h("span", { class: "bone round" }), h("div", {}, h("span", { class: "bone name" }), line));
  }))];
}

/** @param {string} roomName */
export function emptyRoom(roomName) {
  return [h("div", { class: "empty", "data-testid": "empty-room" }, icon("hash"), h("h2", { text: `Welcome to ${roomName}` }),
    h("p", { text: "Nothing has been said here yet. Write the first message." }))];
}

/** @param {string} problem @param {() => void} retry */
export function failedRoom(problem, retry) {
  return [h("div", { class: "failed-load", role: "alert" }, icon("alert"), h("span", { text: problem }),
    h("button", { type: "button", class: "button small", text: "Try again", on: { click: retry } }))];
}
