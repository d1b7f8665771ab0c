// How people and sizes are written: initials, colours, lists of names, bytes.

import { hash } from "../client/ids.js";

/** @param {string} name one or two letters */
export function initials(name) {
  const words = name.trim().split(/[\s._-]+/u).filter((word) => /[\p{L}\p{N}]/u.test(word));
  const letters = words.map((word) => [...word].find((char) => /[\p{L}\p{N}]/u.test(char)) ?? "");
  return (letters.length > 1 ? letters[0] + letters[letters.length - 1] : letters[0] ?? "?").toUpperCase();
}

/** @param {string} userId a hue in degrees that is always the same for a person */
export function hue(userId) {
  return ((Math.imul(hash(userId), 0x9e3779b1) >>> 16) % 24) * 15 + 8;
}

/** @param {string[]} names such as "Alice and Bob are typing…" */
export function typingText(names) {
  if (names.length === 0) return "";
  if (names.length === 1) return `${names[0]} is typing…`;
  if (names.length === 2) return `${names[0]} and ${names[1]} are typing…`;
  if (names.length === 3) return `${names[0]}, ${names[1]} and ${names[2]} are typing…`;
  return "Several people are typing…";
}

/** @param {number} bytes */
export function fileSize(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  let value = bytes;
  for (const unit of ["KB", "MB", "GB"]) {
    value /= 1000;
    if (value < 999.5 || unit === "GB") return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`;
  }
  return "";
}

/** @param {number} count a badge's text */
export function badge(count) {
  return count > 99 ? "99+" : String(count);
}
