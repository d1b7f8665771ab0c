// The REST side: one method per call, errors as `Problem` with a text for people.

/** @typedef {import("./types.js").Session} Session */
/** @typedef {import("./types.js").RoomInfo} RoomInfo */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").Person} Person */
/** @typedef {import("./types.js").Notice} Notice */
/** @typedef {import("./types.js").StoredFile} StoredFile */

const TIMEOUT_MS = 20_000;

/** What the server (RFC 9457) or the network said. `status` is 0 where no answer came. */
export class Problem extends Error {
  /** @param {number} status @param {string} code @param {string} detail */
  constructor(status, code, detail) {
    super(detail);
    this.status = status;
    this.code = code;
  }

  /** @param {number} status @param {string} text of the answer */
  static from(status, text) {
    let body;
    try {
      body = JSON.parse(text);
    } catch {
      body = {};
    }
    const detail = body?.detail || body?.title || (status >= 500 ? "The server has a problem. Try again in a moment." : `The server answered ${status}.`);
    return new Problem(status, body?.code ?? "", String(detail));
  }

  static unreachable() {
    return new Problem(0, "unreachable", "The server cannot be reached. Check the connection and try again.");
  }
}

export class Api {
  /** The session's token, once there is one. */
  token = "";
  #base;

  /** @param {string} [base] origin of the server; empty: the page's own */
  constructor(base = "") {
    this.#base = base;
  }

  /** @param {string} userId @param {string} username @returns {Promise<Session>} */
  signInGuest(userId, username) {
    return this.#call("POST", "/api/chat/sessions", { user_id: userId, username });
  }

  /** @param {string} userId @param {string} password @returns {Promise<Session>} */
  signIn(userId, password) {
    return this.#call("POST", "/api/chat/sessions", { user_id: userId, password });
  }

  /** @param {string} userId @param {string} username @param {string} password @returns {Promise<Session>} */
  register(userId, username, password) {
    return this.#call("POST", "/api/chat/accounts", { user_id: userId, username, password });
  }

  /** Whose token this is. @returns {Promise<{ user_id: string, username: string }>} */
  session() {
    return this.#call("GET", "/api/chat/session");
  }

  /** @returns {Promise<void>} */
  signOut() {
    return this.#call("DELETE", "/api/chat/session");
  }

  /** @returns {Promise<RoomInfo[]>} */
  rooms() {
    return this.#call("GET", "/api/chat/rooms");
  }

  /** @param {string} id @param {string} name @param {string} description @returns {Promise<RoomInfo>} */
  createRoom(id, name, description) {
    return this.#call("POST", "/api/chat/rooms", { id, name, description });
  }

  /** @param {string} roomId @param {{ limit: number, before?: number }} page @returns {Promise<Message[]>} oldest first */
  messages(roomId, { limit, before }) {
    const query = before === undefined ? `limit=${limit}` : `limit=${limit}&before=${before}`;
    return this.#call("GET", `/api/chat/rooms/${path(roomId)}/messages?${query}`);
  }

  /** @param {string} roomId @param {string} id @param {string} content @returns {Promise<Message | undefined>} */
  editMessage(roomId, id, content) {
    return this.#call("PATCH", `/api/chat/rooms/${path(roomId)}/messages/${path(id)}`, { content });
  }

  /** @param {string} roomId @param {string} id @returns {Promise<void>} */
  deleteMessage(roomId, id) {
    return this.#call("DELETE", `/api/chat/rooms/${path(roomId)}/messages/${path(id)}`);
  }

  /** @param {string} userId @returns {Promise<{ room_id: string, seq: number }[]>} */
  readMarks(userId) {
    return this.#call("GET", `/api/chat/users/${path(userId)}/read-marks`);
  }

  /** @returns {Promise<Person[]>} everybody online */
  presence() {
    return this.#call("GET", "/api/presence");
  }

  /** @param {string} userId @returns {Promise<Notice[]>} newest first */
  notices(userId) {
    return this.#call("GET", `/api/notifications/${path(userId)}?limit=50`);
  }

  /** @param {string} userId @returns {Promise<{ unread_count: number }>} */
  unreadNotices(userId) {
    return this.#call("GET", `/api/notifications/${path(userId)}/unread-count`);
  }

  /** @param {string} id @returns {Promise<void>} */
  markNoticeRead(id) {
    return this.#call("PATCH", `/api/notifications/${path(id)}/read`);
  }

  /** @param {string} userId @returns {Promise<void>} */
  markAllNoticesRead(userId) {
    return this.#call("PATCH", `/api/notifications/${path(userId)}/read-all`);
  }

  /** @param {string} id @returns {Promise<void>} */
  deleteNotice(id) {
    return this.#call("DELETE", `/api/notifications/${path(id)}`);
  }

  /** @param {string} id @returns {Promise<StoredFile>} */
  file(id) {
    return this.#call("GET", `/api/files/${path(id)}`);
  }

  /** The bytes of a file. @param {string} id @returns {Promise<Blob>} */
  async download(id) {
    const response = await this.#fetch("GET", `/api/files/${path(id)}/download`, undefined, undefined);
    return response.blob();
  }

  /**
   * @param {string} method
   * @param {string} url
   * @param {unknown} [body]
   * @returns {Promise<any>}
   */
  async #call(method, url, body) {
    const response = await this.#fetch(method, url, body, TIMEOUT_MS);
    const text = await response.text();
    return text === "" ? undefined : JSON.parse(text);
  }

  /**
   * @param {string} method
   * @param {string} url
   * @param {unknown} body
   * @param {number | undefined} timeoutMs
   */
  async #fetch(method, url, body, timeoutMs) {
    /** @type {Record<string, string>} */
    const headers = {};
    if (this.token) headers.authorization = `Bearer ${this.token}`;
    if (body !== undefined) headers["content-type"] = "application/json";
    let response;
    try {
      response = await fetch(this.#base + url, {
        method, headers, cache: "no-store",
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs),
      });
    } catch {
      throw Problem.unreachable();
    }
    if (!response.ok) throw Problem.from(response.status, await response.text().catch(() => ""));
    return response;
  }
}

/** @param {string} segment */
function path(segment) {
  return encodeURIComponent(segment);
}
