// What was begun and not sent, kept per room for this tab.

const KEY = "chatflow.drafts";

export class Drafts {
  /** @type {Map<string, string>} */
  #drafts;
  #storage;

  /** @param {import("./client/types.js").KeyValue} storage */
  constructor(storage) {
    this.#storage = storage;
    try {
      this.#drafts = new Map(Object.entries(JSON.parse(storage.getItem(KEY) ?? "{}")));
    } catch {
      this.#drafts = new Map();
    }
  }

  /** @param {string} roomId */
  get(roomId) {
    return this.#drafts.get(roomId) ?? "";
  }

  /** @param {string} roomId @param {string} text */
  set(roomId, text) {
    if (text === "") this.#drafts.delete(roomId);
    else this.#drafts.set(roomId, text);
    try {
      this.#storage.setItem(KEY, JSON.stringify(Object.fromEntries(this.#drafts)));
    } catch {
      // Storage is full or forbidden: the draft then lives as long as the page.
    }
  }
}
