// Ids: message ids that work without a secure context, and user and room ids made from names.

const ID = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** Letters that do not decompose into an ASCII letter and an accent. */
const LETTERS = new Map(Object.entries({
  ß: "ss", æ: "ae", œ: "oe", ø: "o", å: "a", đ: "d", ð: "d", þ: "th", ł: "l", ı: "i", ŋ: "n", ħ: "h",
  ä: "ae", ö: "oe", ü: "ue",
  а: "a", б: "b", в: "v", г: "g", ґ: "g", д: "d", е: "e", ё: "yo", є: "ye", ж: "zh", з: "z", и: "i", і: "i", ї: "yi",
  й: "y", к: "k", л: "l", м: "m", н: "n", о: "o", п: "p", р: "r", с: "s", т: "t", у: "u", ф: "f", х: "kh", ц: "ts",
  ч: "ch", ш: "sh", щ: "shch", ъ: "", ы: "y", ь: "", э: "e", ю: "yu", я: "ya",
  α: "a", β: "v", γ: "g", δ: "d", ε: "e", ζ: "z", η: "i", θ: "th", ι: "i", κ: "k", λ: "l", μ: "m", ν: "n", ξ: "x",
  ο: "o", π: "p", ρ: "r", σ: "s", ς: "s", τ: "t", υ: "y", φ: "f", χ: "ch", ψ: "ps", ω: "o",
}));

/**
 * The id for a shown name, or "" where the name has no letter or digit at all.
 * Names in scripts that have no transliteration here get a short stable id, so that everybody can join.
 * @param {string} name
 */
export function slug(name) {
  let out = "";
  for (const char of name.normalize("NFC").toLowerCase()) {
    out += LETTERS.get(char) ?? char.normalize("NFKD").replace(/\p{M}/gu, "");
  }
  out = [...out].map((char) => LETTERS.get(char) ?? char).join("");
  out = out.replace(/['’`]/g, "").replace(/[^a-z0-9._-]+/g, "-").replace(/-{2,}/g, "-");
  out = out.replace(/^[^a-z0-9]+/, "").slice(0, 64).replace(/[^a-z0-9]+$/, "");
  if (out === "" && /[\p{L}\p{N}]/u.test(name)) return `user-${hash(name.trim().toLowerCase()).toString(36)}`;
  return out;
}

/** @param {string} id whether the server takes it as a user or room id */
export function isId(id) {
  return ID.test(id);
}

/**
 * A stable 32-bit number for a text (FNV-1a).
 * @param {string} text
 */
export function hash(text) {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) {
    value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  }
  return value >>> 0;
}

/** A version 4 UUID; `crypto.randomUUID` is missing where the page came over plain HTTP from another machine. */
export function uuid() {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  return uuidFrom(crypto.getRandomValues(new Uint8Array(16)));
}

/** @param {Uint8Array} bytes 16 random ones */
export function uuidFrom(bytes) {
  const hex = [...bytes].map((byte, i) => {
    const value = i === 6 ? (byte & 0x0f) | 0x40 : i === 8 ? (byte & 0x3f) | 0x80 : byte;
    return value.toString(16).padStart(2, "0");
  }).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
