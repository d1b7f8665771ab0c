// The entry: whoever has a session is let in, everybody else is asked for a name.

import { Api } from "./client/api.js";
import { Chat } from "./client/chat.js";
import { JoinScreen } from "./ui/join-screen.js";
import { mountToasts } from "./ui/toasts.js";
import { keepSession, keptSession } from "./browser.js";
import { Workspace } from "./workspace.js";

/** @typedef {import("./client/types.js").Session} Session */

const root = /** @type {HTMLElement} */ (document.getElementById("root"));

/** @param {string} [notice] why one has to sign in again */
function join(notice = "") {
  const api = new Api();
  const screen = new JoinScreen();
  /** @param {Promise<Session>} session */
  const enter = async (session) => {
    const opened = await session;
    keepSession(opened);
    work(opened);
  };
  screen.entry = {
    guest: (userId, username) => enter(api.signInGuest(userId, username)),
    signIn: (userId, password) => enter(api.signIn(userId, password)),
    register: (userId, username, password) => enter(api.register(userId, username, password)),
  };
  root.replaceChildren(screen);
  screen.notice = notice;
}

/** @param {Session} session */
function work(session) {
  const api = new Api();
  api.token = session.token;
  const chat = new Chat({ api, me: session, storage: sessionStorage, makeSocket: () => openSocket(session) });
  /** @param {string} [notice] */
  const leave = (notice) => {
    workspace.close();
    keepSession(null);
    join(notice);
  };
  const workspace = new Workspace(chat, session, () => {
    api.signOut().catch(() => undefined);
    leave();
  });
  let left = false;
  chat.on("signedOut", () => {
    if (!left) leave("Your session has ended. Join again to go on.");
    left = true;
  });
  workspace.mount(root);
}

/** @param {Session} session the token travels as a subprotocol: addresses end up in logs */
function openSocket({ token, user_id, username }) {
  const url = new URL("/ws", location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  url.hash = "";
  url.search = new URLSearchParams({ user_id, username }).toString();
  return new WebSocket(url, ["chatflow.v1", `chatflow.token.${token}`]);
}

mountToasts();
const session = keptSession();
if (session) work(session);
else join();
