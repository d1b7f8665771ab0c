// One file on its way to the server, with progress and a way to stop it (which `fetch` cannot report).

import { Problem } from "./api.js";

/** @typedef {import("./types.js").StoredFile} StoredFile */

/** The server's limit for one file, in bytes. */
export const MAX_BYTES = 100 * 1024 * 1024;

/**
 * @param {object} options
 * @param {File} options.file
 * @param {string} options.roomId
 * @param {string} options.userId
 * @param {string} options.token
 * @param {(fraction: number) => void} options.onProgress 0 to 1
 * @param {string} [options.base]
 * @returns {{ done: Promise<StoredFile>, cancel: () => void }} `done` is rejected with a `Problem`; code `cancelled` after `cancel`
 */
export function upload({ file, roomId, userId, token, onProgress, base = "" }) {
  const request = new XMLHttpRequest();
  /** @type {Promise<StoredFile>} */
  const done = new Promise((resolve, reject) => {
    if (file.size > MAX_BYTES) {
      reject(new Problem(413, "too_large", "Files can be up to 100 MB."));
      return;
    }
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    };
    request.onload = () => {
      if (request.status === 201) resolve(JSON.parse(request.responseText));
      else reject(Problem.from(request.status, request.responseText));
    };
    request.onerror = () => reject(Problem.unreachable());
    request.onabort = () => reject(new Problem(0, "cancelled", "The upload was cancelled."));
    const form = new FormData();
    form.append("room_id", roomId);
    form.append("user_id", userId);
    form.append("file", file, file.name);
    request.open("POST", `${base}/api/files/upload`);
    if (token) request.setRequestHeader("authorization", `Bearer ${token}`);
    request.send(form);
  });
  return { done, cancel: () => request.abort() };
}
