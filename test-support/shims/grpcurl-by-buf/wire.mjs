// Protobuf's wire format, as far as descriptors and error details need it.

/** The fields of an encoded message: number → all its values, bytes where they have a length, else numbers. */
export function decode(bytes) {
    const fields = new Map();
    let at = 0;
    const varint = () => {
        let value = 0n;
        for (let shift = 0n; ; shift += 7n) {
            const byte = bytes[at++];
            value |= BigInt(byte & 0x7f) << shift;
            if (byte < 0x80) return Number(value);
        }
    };
    while (at < bytes.length) {
        const tag = varint();
        const number = tag >> 3;
        let value;
        if ((tag & 7) === 0) value = varint();
        else if ((tag & 7) === 2) {
            const length = varint();
            value = bytes.subarray(at, (at += length));
        } else if ((tag & 7) === 1) value = bytes.subarray(at, (at += 8));
        else if ((tag & 7) === 5) value = bytes.subarray(at, (at += 4));
        else throw new Error(`wire type ${tag & 7} is not known`);
        fields.set(number, [...(fields.get(number) ?? []), value]);
    }
    return {
        all: (number) => fields.get(number) ?? [],
        number: (number) => fields.get(number)?.at(-1) ?? 0,
        text: (number) => Buffer.from(fields.get(number)?.at(-1) ?? []).toString('utf8'),
        messages: (number) => (fields.get(number) ?? []).map(decode),
        has: (number) => fields.has(number),
    };
}

/** The numbers of a packed field. */
export function packed(bytes) {
    const numbers = [];
    let value = 0;
    let shift = 0;
    for (const byte of bytes) {
        value += (byte & 0x7f) * 2 ** shift;
        shift += 7;
        if (byte < 0x80) {
            numbers.push(value);
            [value, shift] = [0, 0];
        }
    }
    return numbers;
}

/** A field of text, encoded: its number at most 15, its value below 16 KiB. */
export function text(number, value) {
    const bytes = Buffer.from(value);
    const length = bytes.length < 0x80 ? [bytes.length] : [(bytes.length & 0x7f) | 0x80, bytes.length >> 7];
    return Buffer.from([(number << 3) | 2, ...length, ...bytes]);
}
