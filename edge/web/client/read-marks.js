// Tells the server how far rooms were read: at once, but not more often than it matters, and again after a reconnect.

/** @typedef {import("./room.js").Room} Room */

const EVERY_MS = 1_000;

export class ReadMarks {
  /** @type {Map<Room, ReturnType<typeof setTimeout>>} rooms that were told of just now */
  #resting = new Map();
  #send;

  /** @param {(frame: import("./types.js").Frame) => boolean} send */
  constructor(send) {
    this.#send = send;
  }

  /** @param {Room} room */
  tell(room) {
    if (this.#resting.has(room) || !room.subscribed || room.readSeq === null || room.readSeq <= room.toldSeq) return;
    if (!this.#send({ type: "read", room_id: room.id, seq: room.readSeq })) return;
    room.toldSeq = room.readSeq;
    this.#resting.set(room, setTimeout(() => {
      this.#resting.delete(room);
      this.tell(room);
    }, EVERY_MS));
  }

  stop() {
    for (const timer of this.#resting.values()) clearTimeout(timer);
    this.#resting.clear();
  }
}
