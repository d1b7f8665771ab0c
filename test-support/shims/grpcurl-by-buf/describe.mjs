// Declarations as grpcurl prints them: from descriptors back to the text of a .proto file, comments included.

import { packed } from './wire.mjs';

// Fields of google.protobuf.FileDescriptorProto.
const PACKAGE = 2;
const MESSAGES = 4;
const ENUMS = 5;
const SERVICES = 6;
const SOURCE_INFO = 9;

/** FieldDescriptorProto.Type of a scalar field. */
const SCALARS = {
    1: 'double',
    2: 'float',
    3: 'int64',
    4: 'uint64',
    5: 'int32',
    8: 'bool',
    9: 'string',
    12: 'bytes',
    13: 'uint32',
};
const REPEATED = 3;

/** What `symbol` is, and its declaration. Knows services, their methods, and messages and enums that lie in no other. */
export async function describe(reflection, symbol) {
    const file = await reflection.file(symbol);
    const comments = commentsOf(file);
    for (const [kind, field, print] of [
        ['a message', MESSAGES, message],
        ['an enum', ENUMS, enumeration],
        ['a service', SERVICES, service],
    ]) {
        for (const [at, declared] of file.messages(field).entries()) {
            const name = `${file.text(PACKAGE)}.${declared.text(1)}`;
            const path = [field, at];
            if (name === symbol) return `${symbol} is ${kind}:\n${print(declared, path, comments)}`;
            if (field !== SERVICES) continue;
            const methods = declared.messages(2);
            const found = methods.findIndex((it) => `${name}.${it.text(1)}` === symbol);
            if (found >= 0) {
                return `${symbol} is a method:\n${method(methods[found], [...path, 2, found], comments)}`;
            }
        }
    }
    throw new Error(`the stand-in for grpcurl can't describe ${symbol}`);
}

/** The comment above what lies at a path, as lines that end in a line break. */
function commentsOf(file) {
    const locations = file.messages(SOURCE_INFO).flatMap((info) => info.messages(1));
    const texts = new Map(locations.map((it) => [packed(it.all(1)[0] ?? []).join(), it.text(3)]));
    return (path) => {
        const text = texts.get(path.join()) ?? '';
        return text === '' ? '' : `${text.replace(/\n$/, '').replace(/^/gm, '//')}\n`;
    };
}

function indented(text) {
    return text.replace(/^(?=.)/gm, '  ');
}

function block(head, parts) {
    return `${head} {\n${indented(parts.join('\n'))}\n}`;
}

function service(declared, path, comments) {
    const methods = declared.messages(2).map((it, at) => [it.text(1), method(it, [...path, 2, at], comments)]);
    // grpcurl sorts them.
    methods.sort(([a], [b]) => (a < b ? -1 : 1));
    return comments(path) + block(`service ${declared.text(1)}`, methods.map(([, text]) => text));
}

function method(declared, path, comments) {
    const side = (type, streams) => `( ${streams ? 'stream ' : ''}${type} )`;
    const input = side(declared.text(2), declared.number(5));
    const output = side(declared.text(3), declared.number(6));
    return `${comments(path)}rpc ${declared.text(1)} ${input} returns ${output};`;
}

function enumeration(declared, path, comments) {
    const values = declared.messages(2);
    const lines = values.map((it, at) => `${comments([...path, 2, at])}${it.text(1)} = ${it.number(2)};`);
    return comments(path) + block(`enum ${declared.text(1)}`, lines);
}

function message(declared, path, comments) {
    const parts = [];
    const printed = new Set();
    const fields = declared.messages(2).map((it, at) => ({ it, text: field(it, [...path, 2, at], comments) }));
    for (const { it, text } of fields) {
        // `optional` is a oneof of its own that nobody wrote.
        const group = it.has(9) && !it.number(17) ? it.number(9) : undefined;
        if (group === undefined) parts.push(text);
        else if (!printed.has(group)) {
            printed.add(group);
            const members = fields.filter((other) => other.it.has(9) && other.it.number(9) === group);
            const name = declared.messages(8)[group].text(1);
            parts.push(comments([...path, 8, group]) + block(`oneof ${name}`, members.map((other) => other.text)));
        }
    }
    const head = `message ${declared.text(1)}`;
    return comments(path) + (parts.length === 0 ? `${head} {\n}` : block(head, parts));
}

function field(declared, path, comments) {
    const type = SCALARS[declared.number(5)] ?? declared.text(6);
    const label = declared.number(4) === REPEATED ? 'repeated ' : declared.number(17) ? 'optional ' : '';
    return `${comments(path)}${label}${type} ${declared.text(1)} = ${declared.number(3)};`;
}
