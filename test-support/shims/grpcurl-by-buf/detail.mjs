// Error details as JSON: readable where the server's reflection describes their type, else as they were sent.

import { decode } from './wire.mjs';

const BAD_REQUEST = 'google.rpc.BadRequest';

/** What grpcurl prints of a detail of this type with these bytes in base64. */
export async function detail(reflection, type, base64) {
    const bytes = Buffer.from(base64, 'base64');
    const name = { '@type': `type.googleapis.com/${type}` };
    const described = await reflection.file(type).then(
        () => true,
        () => false,
    );
    if (!described || type !== BAD_REQUEST) {
        const error = `${type} is not recognized; see @value for raw binary message data`;
        return { '@error': error, ...name, '@value': bytes.toString('base64') };
    }
    const violations = decode(bytes).messages(1);
    const fieldViolations = violations.map((it) => ({ field: it.text(1), description: it.text(2) }));
    return { ...name, fieldViolations };
}
