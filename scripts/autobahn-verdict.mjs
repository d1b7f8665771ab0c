// Tells what a run of the Autobahn test suite gave, section by section. Fails unless there are as many cases as were
// wanted, and each is OK or informational: in what was said and in how it was closed. NON-STRICT is not OK.
import { readFileSync } from 'node:fs';

const [file, wanted] = process.argv.slice(2);
const cases = Object.entries(JSON.parse(readFileSync(file, 'utf8')).wire ?? {});
const good = new Set(['OK', 'INFORMATIONAL']);
const sections = new Map();
const failed = [];
for (const [id, { behavior, behaviorClose }] of cases) {
    const section = sections.get(id.split('.')[0]) ?? { ok: 0, informational: 0, failed: 0 };
    sections.set(id.split('.')[0], section);
    if (!good.has(behavior) || !good.has(behaviorClose)) {
        section.failed++;
        failed.push(`${id}: ${behavior}, closed: ${behaviorClose}`);
    } else if (behavior === 'OK' && behaviorClose === 'OK') {
        section.ok++;
    } else {
        section.informational++;
    }
}
console.log('section      OK  informational  failed');
for (const [name, { ok, informational, failed }] of [...sections].sort(([a], [b]) => a - b)) {
    console.log(`${name.padStart(7)} ${String(ok).padStart(7)} ${String(informational).padStart(14)} ${String(failed).padStart(7)}`);
}
console.log(`${cases.length} cases, ${failed.length} failed`);
failed.forEach((line) => console.error(line));
if (cases.length < Number(wanted)) {
    console.error(`at least ${wanted} were to be run`);
}
process.exitCode = failed.length > 0 || cases.length < Number(wanted) ? 1 : 0;
