// The few things that only a browser can do: read the address, save a file, show a desktop notification, keep the session of this tab.

/** @typedef {import("./client/types.js").Session} Session */

const SESSION_KEY = "chatflow.session";

/** @returns {string} the room that the address names, as in `#/general`; "" where it names none */
export function roomInAddress() {
  return /^#\/([a-z0-9][a-z0-9._-]{0,63})$/.exec(location.hash)?.[1] ?? "";
}

/** @param {Blob} blob @param {string} name */
export function saveBlob(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** @param {import("./client/types.js").Notice} notice @param {() => void} open */
export function showDesktopNotification(notice, open) {
  if (!("Notification" in window) || Notification.permission !== "granted") return;
  try {
    const shown = new Notification(notice.title, { body: notice.body, tag: notice.id, icon: "./favicon.svg" });
    shown.onclick = () => {
      window.focus();
      shown.close();
      open();
    };
  } catch {
    // Some phones only allow notifications from a service worker; the panel has it anyway.
  }
}

/** @returns {Session | null} of this tab: another tab may be another person */
export function keptSession() {
  try {
    const session = JSON.parse(sessionStorage.getItem(SESSION_KEY) ?? "null");
    return typeof session?.token === "string" && typeof session.user_id === "string" ? session : null;
  } catch {
    return null;
  }
}

/** @param {Session | null} session */
export function keepSession(session) {
  if (session) sessionStorage.setItem(SESSION_KEY, JSON.stringify(session));
  else sessionStorage.removeItem(SESSION_KEY);
}
