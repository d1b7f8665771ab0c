// Files of messages: what they are, and their bytes, each asked for once.

/** @typedef {import("./api.js").Api} Api */
/** @typedef {import("./types.js").StoredFile} StoredFile */

const KEEP_URLS = 60;

export class Files {
  /** @type {Map<string, Promise<StoredFile>>} */
  #infos = new Map();
  /** @type {Map<string, Promise<string>>} least recently used first */
  #urls = new Map();
  #api;

  /** @param {Api} api */
  constructor(api) {
    this.#api = api;
  }

  /** @param {string} id @returns {Promise<StoredFile>} */
  info(id) {
    return this.#once(this.#infos, id, () => this.#api.file(id));
  }

  /** An address of the bytes that an image can show: the session's token travels in a header, which `<img>` cannot send. @param {string} id */
  url(id) {
    const known = this.#urls.get(id);
    if (known) this.#urls.delete(id);
    if (known) this.#urls.set(id, known);
    while (this.#urls.size >= KEEP_URLS) this.#drop();
    return this.#once(this.#urls, id, async () => URL.createObjectURL(await this.#api.download(id)));
  }

  /** @param {string} id @returns {Promise<Blob>} */
  download(id) {
    return this.#api.download(id);
  }

  #drop() {
    const [[id, url]] = this.#urls;
    this.#urls.delete(id);
    url.then((value) => URL.revokeObjectURL(value), () => undefined);
  }

  /**
   * @template T
   * @param {Map<string, Promise<T>>} map
   * @param {string} id
   * @param {() => Promise<T>} ask what failed is asked again the next time
   */
  #once(map, id, ask) {
    const known = map.get(id);
    if (known) return known;
    const promise = ask();
    map.set(id, promise);
    promise.catch(() => map.delete(id));
    return promise;
  }
}

/** @param {string | null | undefined} url of a message @returns {string | null} the file's id */
export function fileId(url) {
  return /^\/api\/files\/([A-Za-z0-9-]{1,64})\/download$/.exec(url ?? "")?.[1] ?? null;
}
