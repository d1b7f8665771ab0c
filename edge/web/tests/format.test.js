import assert from "node:assert/strict";
import { test } from "node:test";
import { isId, slug, uuidFrom } from "../client/ids.js";
import { fileId } from "../client/files.js";
import { fileSize, hue, initials, typingText } from "../format/people.js";
import { timelineItems } from "../format/timeline-items.js";
import { dayLabel, messageTime, relative, shortClock } from "../format/time.js";

const where = { locale: "en-GB", timeZone: "Europe/Berlin" };
const now = new Date("2026-11-23T12:00:00Z");
const before = (ms) => new Date(now.getTime() - ms);

test("names become ids that the server takes", () => {
  const cases = {
    Alice: "alice", "Zoë Quinn": "zoe-quinn", "Jürgen Groß": "juergen-gross", "O'Brien": "obrien", "  --Ann_Marie.. ": "ann_marie",
    "Łukasz": "lukasz", "Дмитрий": "dmitriy", "Ωmega": "omega", "a/b\\c": "a-b-c", "Søren Åberg": "soren-aberg", "100%": "100",
  };
  for (const [name, id] of Object.entries(cases)) assert.equal(slug(name), id, name);
  for (const name of ["田中 雪", "🙂 é", "x".repeat(300), "א", ...Object.keys(cases)]) assert.ok(isId(slug(name)), name);
  for (const name of ["", "  ", "🙂", "---", "\u202e"]) assert.equal(slug(name), "", name);
});

test("the same name in another script always gives the same id", () => {
  assert.equal(slug("田中"), slug(" 田中 "));
  assert.notEqual(slug("田中"), slug("山田"));
});

test("a UUID has its version and variant", () => {
  assert.equal(uuidFrom(new Uint8Array(16)), "00000000-0000-4000-8000-000000000000");
  assert.match(uuidFrom(new Uint8Array(16).fill(255)), /^f{8}-ffff-4fff-bfff-f{12}$/);
});

test("message times are relative for an hour", () => {
  assert.equal(messageTime(before(20_000), now, where), "just now");
  assert.equal(messageTime(before(-20_000), now, where), "just now");
  assert.equal(messageTime(before(5 * 60_000), now, where), "5 min ago");
  assert.equal(messageTime(before(3 * 3600_000), now, where), "10:00");
});

test("times of other days", () => {
  assert.equal(relative(before(3 * 3600_000), now, where), "3 h ago");
  assert.equal(relative(before(20 * 3600_000), now, where), "yesterday, 17:00");
  assert.equal(relative(before(3 * 86400_000), now, where), "3 days ago");
  assert.equal(relative(before(30 * 86400_000), now, where), "24 Oct 2026");
});

test("days are those of the reader's zone", () => {
  const late = new Date("2026-11-22T23:30:00Z");
  assert.equal(dayLabel(late, now, { timeZone: "Europe/Berlin" }), "Today");
  assert.equal(dayLabel(late, now, { timeZone: "UTC" }), "Yesterday");
  assert.equal(dayLabel(new Date("2026-11-16T12:00:00Z"), now, where), "Monday, 16 November");
  assert.equal(dayLabel(new Date("2025-12-31T12:00:00Z"), now, where), "Wednesday, 31 December 2025");
});

test("the short clock has no AM and PM", () => {
  assert.equal(shortClock(now, { locale: "en-US", timeZone: "America/New_York" }), "7:00");
});

test("initials, colours, sizes, who types", () => {
  assert.deepEqual(["Alice Martin", "bob", "Zoë van der Berg", "🙂", "x_y"].map(initials), ["AM", "B", "ZB", "?", "XY"]);
  assert.equal(hue("alice"), hue("alice"));
  assert.ok(new Set(["alice", "bob", "carla", "dmitri", "sam", "mia", "tom"].map(hue)).size > 4);
  assert.deepEqual([0, 999, 1000, 1536, 482_133, 999_600, 104_857_600].map(fileSize), ["0 B", "999 B", "1.0 KB", "1.5 KB", "482 KB", "1.0 MB", "105 MB"]);
  assert.equal(typingText([]), "");
  assert.equal(typingText(["A", "B"]), "A and B are typing…");
  assert.equal(typingText(["A", "B", "C", "D"]), "Several people are typing…");
});

test("a file's id comes from our own addresses alone", () => {
  assert.equal(fileId("/api/files/0199-ab/download"), "0199-ab");
  for (const url of [null, "https://evil.example/api/files/1/download", "/api/files/../x/download", "/api/files/1/download?x", "javascript:1"]) assert.equal(fileId(url), null);
});

test("the timeline: days, groups, the New line, unsent ones", () => {
  const at = (minutes, seq, user_id) => ({ id: `m${seq}`, user_id, timestamp: new Date(2026, 10, 23, 10, minutes).toISOString(), seq, pos: seq });
  const items = timelineItems({
    messages: [{ ...at(0, 1, "bob"), timestamp: new Date(2026, 10, 22, 10).toISOString() }, at(0, 2, "bob"), at(2, 3, "bob"), at(8, 4, "bob"), at(9, 5, "mia"), at(9, 6, "bob")],
    unsent: [{ client_msg_id: "c1", created_at: new Date(2026, 10, 23, 10, 10).toISOString() }], dividerSeq: 4, dividerInside: true, me: "mia",
  });
  assert.deepEqual(items.map((item) => (item.kind === "message" ? `${item.key}${item.continued ? "+" : ""}` : item.kind)),
    ["day", "m1", "day", "m2", "m3+", "m4", "m5", "new", "m6", "unsent"]);
});

test("a message that is stored already is not shown a second time as unsent", () => {
  const timestamp = new Date(2026, 10, 23, 10).toISOString();
  const items = timelineItems({
    messages: [{ id: "m1", user_id: "mia", client_msg_id: "c1", timestamp, seq: 1, pos: 1 }, { id: "m2", user_id: "bob", client_msg_id: "c2", timestamp, seq: 2, pos: 2 }],
    unsent: [{ client_msg_id: "c1", created_at: timestamp }, { client_msg_id: "c2", created_at: timestamp }], dividerSeq: null, dividerInside: true, me: "mia",
  });
  assert.deepEqual(items.map((item) => item.key).slice(1), ["own-c1", "m2", "own-c2"]);
});
