// The keys that work everywhere in the app.

import { shortcutsDialog } from "./ui/dialogs.js";

/** @param {EventTarget | null} target letters are commands there */
function inMessages(target) {
  return target instanceof Element && target.closest("chat-message") !== null;
}

/**
 * @param {AbortSignal} signal ends it
 * @param {object} actions
 * @param {() => void} actions.switchRoom
 * @param {(by: number, unreadOnly: boolean) => void} actions.step
 * @param {() => void} actions.escape
 * @param {() => void} actions.focusMessages
 * @param {() => void} actions.type
 */
export function installKeys(signal, { switchRoom, step, escape, focusMessages, type }) {
  addEventListener("keydown", (event) => {
    const writing = event.target instanceof HTMLElement && event.target.matches("input, textarea, select");
    const modal = document.querySelector("dialog[open], [popover]:popover-open") !== null;
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      switchRoom();
      return;
    }
    if (modal || event.defaultPrevented) return;
    if (event.altKey && !event.ctrlKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      event.preventDefault();
      step(event.key === "ArrowUp" ? -1 : 1, event.shiftKey);
    } else if (event.key === "Escape") {
      escape();
    } else if (event.key === "F6") {
      event.preventDefault();
      if (writing) focusMessages();
      else type();
    } else if ((event.key === "?" && !writing) || (event.key === "/" && (event.ctrlKey || event.metaKey))) {
      event.preventDefault();
      shortcutsDialog();
    } else if (event.key.length === 1 && event.key !== " " && !writing && !event.ctrlKey && !event.metaKey && !event.altKey && !inMessages(event.target)) {
      type();
    }
  }, { signal });
}
