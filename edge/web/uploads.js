// Files on their way into a room: uploaded one by one, each sent as a message once it is stored.

import { Problem } from "./client/api.js";
import { upload } from "./client/upload.js";

/** @typedef {import("./client/chat.js").Chat} Chat */
/** @typedef {import("./ui/upload-tray.js").UploadTray} UploadTray */

export class Uploads {
  #chat;
  #tray;
  /** @type {Set<() => void>} */
  #running = new Set();
  /** @type {Promise<void>} */
  #last = Promise.resolve();

  /** @param {Chat} chat @param {UploadTray} tray */
  constructor(chat, tray) {
    this.#chat = chat;
    this.#tray = tray;
  }

  /** @param {string} roomId @param {File[]} files */
  start(roomId, files) {
    for (const file of files) this.#queue(roomId, file);
  }

  cancelAll() {
    for (const cancel of this.#running) cancel();
  }

  /** @param {string} roomId @param {File} file */
  #queue(roomId, file) {
    let cancelled = false;
    let stop = () => {
      cancelled = true;
    };
    const row = this.#tray.add(file, { cancel: () => stop(), retry: () => this.#queue(roomId, file) });
    this.#last = this.#last.then(async () => {
      if (cancelled) return;
      const { done, cancel } = upload({ file, roomId, userId: this.#chat.me.user_id, token: this.#chat.api.token, onProgress: row.progress });
      stop = cancel;
      this.#running.add(cancel);
      try {
        const stored = await done;
        row.remove();
        this.#chat.send({ room_id: roomId, content: stored.original_name, message_type: "file", file_url: stored.url });
      } catch (error) {
        const problem = error instanceof Problem ? error : new Problem(0, "", "The upload failed.");
        if (problem.code === "cancelled") row.remove();
        else row.fail(problem.message, problem.status === 0 || problem.status === 429 || problem.status >= 500);
      } finally {
        this.#running.delete(cancel);
      }
    });
  }
}
