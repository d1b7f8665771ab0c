// A client of server reflection: what services there are, and the files that describe them.

import http2 from 'node:http2';

import { decode, text } from './wire.mjs';

// Fields of grpc.reflection.v1.ServerReflectionRequest and ServerReflectionResponse.
const FILE_CONTAINING_SYMBOL = 4;
const LIST_SERVICES = 7;
const FILES = 4;
const SERVICES = 6;
const REFUSAL = 7;

/** What a server says of itself. */
export class Reflection {
    #session;

    constructor(address) {
        this.#session = http2.connect(`http://${address}`);
        // A connection that fails also fails the request, which tells of it.
        this.#session.on('error', () => {});
    }

    close() {
        this.#session.close();
    }

    /** The full names of all services. */
    async services() {
        const response = await this.#ask(text(LIST_SERVICES, ''));
        return response.messages(SERVICES)[0].messages(1).map((service) => service.text(1));
    }

    /** The full names of a service's methods, `package.Service.Method`. */
    async methods(service) {
        const file = await this.file(service);
        const prefix = `${file.text(2)}.`;
        const found = file.messages(6).find((it) => prefix + it.text(1) === service);
        if (found === undefined) throw new Error(`${service} is no service`);
        return found.messages(2).map((method) => `${service}.${method.text(1)}`);
    }

    /** The decoded FileDescriptorProto of the file that declares a symbol. */
    async file(symbol) {
        const response = await this.#ask(text(FILE_CONTAINING_SYMBOL, symbol));
        if (response.has(REFUSAL)) throw new Error(`Symbol not found: ${symbol}`);
        return decode(response.messages(FILES)[0].all(1)[0]);
    }

    /** One request, and the response to it. */
    #ask(request) {
        return new Promise((resolve, reject) => {
            const stream = this.#session.request({
                ':method': 'POST',
                ':path': '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
                'content-type': 'application/grpc',
                te: 'trailers',
            });
            const head = Buffer.alloc(5);
            head.writeUInt32BE(request.length, 1);
            const parts = [];
            let refusal;
            const status = (headers) => (refusal ??= headers['grpc-message']);
            stream.on('response', status);
            stream.on('trailers', status);
            stream.on('data', (part) => parts.push(part));
            stream.on('error', reject);
            stream.on('end', () => {
                const body = Buffer.concat(parts);
                if (body.length < 5) reject(new Error(decodeURIComponent(refusal ?? 'no answer to reflection')));
                else resolve(decode(body.subarray(5, 5 + body.readUInt32BE(1))));
            });
            stream.end(Buffer.concat([head, request]));
        });
    }
}
