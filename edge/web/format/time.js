// Times as people read them. The present, and where needed the zone, are parameters.

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** @typedef {{ locale?: string, timeZone?: string }} Where the reader's own by default */

/** @param {Date} date @param {Where} [where] such as "14:05" */
export function clock(date, { locale, timeZone } = {}) {
  return format(locale, { hour: "numeric", minute: "2-digit", timeZone }).format(date);
}

/** @param {Date} date @param {Where} [where] the clock where there is little room: without AM and PM */
export function shortClock(date, { locale, timeZone } = {}) {
  const parts = format(locale, { hour: "numeric", minute: "2-digit", timeZone }).formatToParts(date);
  return parts.filter((part) => part.type !== "dayPeriod").map((part) => part.value).join("").trim();
}

/** @param {Date} date @param {Where} [where] the full date and time, to the second */
export function exact(date, { locale, timeZone } = {}) {
  return format(locale, { dateStyle: "full", timeStyle: "medium", timeZone }).format(date);
}

/**
 * Beside a message, whose day is told by the separator above it: relative for an hour, then the clock.
 * @param {Date} date @param {Date} now @param {Where} [where]
 */
export function messageTime(date, now, where = {}) {
  const age = now.getTime() - date.getTime();
  if (age < MINUTE && age > -MINUTE) return "just now";
  if (age > 0 && age < HOUR) return `${Math.floor(age / MINUTE)} min ago`;
  return clock(date, where);
}

/**
 * Where no day is told.
 * @param {Date} date @param {Date} now @param {Where} [where]
 */
export function relative(date, now, where = {}) {
  const age = now.getTime() - date.getTime();
  if (age < MINUTE) return "just now";
  if (age < HOUR) return `${Math.floor(age / MINUTE)} min ago`;
  const days = dayNumber(now, where.timeZone) - dayNumber(date, where.timeZone);
  if (days === 0) return `${Math.floor(age / HOUR)} h ago`;
  if (days === 1) return `yesterday, ${clock(date, where)}`;
  if (days < 7) return `${days} days ago`;
  return format("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: where.timeZone }).format(date);
}

/** @param {Date} date @param {Date} now @param {Where} [where] such as "Today", "Yesterday", "Monday, 16 November" */
export function dayLabel(date, now, { timeZone } = {}) {
  const days = dayNumber(now, timeZone) - dayNumber(date, timeZone);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  const part = (/** @type {Intl.DateTimeFormatOptions} */ options, of = date) => format("en-GB", { ...options, timeZone }).format(of);
  const year = part({ year: "numeric" });
  const day = `${part({ weekday: "long" })}, ${part({ day: "numeric" })} ${part({ month: "long" })}`;
  return year === part({ year: "numeric" }, now) ? day : `${day} ${year}`;
}

/** @param {Date} date @param {string} [timeZone] counts calendar days: equal exactly on the same day */
export function dayNumber(date, timeZone) {
  if (timeZone === undefined) return Math.round(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / DAY);
  const [year, month, day] = format("en-CA", { year: "numeric", month: "2-digit", day: "2-digit", timeZone }).format(date).split("-").map(Number);
  return Math.round(Date.UTC(year, month - 1, day) / DAY);
}

/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();

/** @param {string | undefined} locale @param {Intl.DateTimeFormatOptions} options making one is slow, keeping it is not */
function format(locale, options) {
  const key = `${locale}|${JSON.stringify(options)}`;
  const known = formats.get(key) ?? new Intl.DateTimeFormat(locale, options);
  formats.set(key, known);
  return known;
}
