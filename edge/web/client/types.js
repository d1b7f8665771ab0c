// The shapes that travel on the wire and live in the store. Types only: nothing here runs.

/**
 * @typedef {object} Message
 * @property {string} id
 * @property {string} room_id
 * @property {string} user_id
 * @property {string} username
 * @property {string} content
 * @property {"text" | "file"} message_type
 * @property {string | null} [file_url]
 * @property {string} timestamp RFC 3339, UTC
 * @property {number} seq
 * @property {string | null} [edited_at]
 * @property {string | null} [client_msg_id]
 */

/** @typedef {Message & { pos: number }} HeldMessage A message with its place in the room: the seq it was made with. */

/**
 * @typedef {object} OutboxEntry
 * @property {string} client_msg_id
 * @property {string} room_id
 * @property {string} content
 * @property {"text" | "file"} message_type
 * @property {string | null} file_url
 * @property {string} created_at
 * @property {"pending" | "failed"} state
 * @property {string} [reason] why it failed, for people
 */

/** @typedef {{ room_id: string, content: string, message_type?: "text" | "file", file_url?: string | null }} Draft */

/** @typedef {{ id: string, name: string, description: string, created_at: string, last_seq?: number }} RoomInfo */

/** @typedef {{ user_id: string, username: string, status: "online" | "offline", last_seen?: string | null }} Person */

/**
 * @typedef {object} Notice A notification of the signed-in user.
 * @property {string} id
 * @property {string} user_id
 * @property {string} title
 * @property {string} body
 * @property {string} notif_type
 * @property {string | null} room_id
 * @property {boolean} is_read
 * @property {string} created_at
 */

/** @typedef {{ token: string, user_id: string, username: string, guest: boolean, expires_at: string }} Session */

/** @typedef {{ user_id: string, username: string }} Identity */

/**
 * @typedef {object} StoredFile
 * @property {string} id
 * @property {string} original_name
 * @property {string} content_type
 * @property {number} size_bytes
 * @property {string} url
 */

/** @typedef {{ type: string, [field: string]: any }} Frame */

/** @typedef {{ getItem(key: string): string | null, setItem(key: string, value: string): void, removeItem(key: string): void }} KeyValue */

export {};
