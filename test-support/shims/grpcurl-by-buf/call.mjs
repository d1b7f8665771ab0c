// Calls of RPCs by `buf curl`, whose refusals are printed as grpcurl prints them.

import { spawn } from 'node:child_process';

import { detail } from './detail.mjs';
import { Reflection } from './reflection.mjs';

/** The names of the status codes, by number. */
const CODES = [
    'OK',
    'Canceled',
    'Unknown',
    'InvalidArgument',
    'DeadlineExceeded',
    'NotFound',
    'AlreadyExists',
    'PermissionDenied',
    'ResourceExhausted',
    'FailedPrecondition',
    'Aborted',
    'OutOfRange',
    'Unimplemented',
    'Internal',
    'Unavailable',
    'DataLoss',
    'Unauthenticated',
];

/** Added to a status code, so that it is no other failure's exit code. */
const REFUSED = 64;

/** Calls `method` (`package.Service/Method`) and resolves with grpcurl's exit code. */
export async function call(address, method, wanted) {
    const args = ['curl', '--http2-prior-knowledge', '--protocol', 'grpc'];
    if (wanted.data !== undefined) args.push('--data', wanted.data === '@' ? '@-' : wanted.data);
    if (wanted.seconds !== undefined) args.push('--timeout', `${wanted.seconds}s`);
    for (const header of wanted.headers) args.push('--header', header);
    args.push(`http://${address}/${method}`);

    const { exitCode, errors } = await run(args);
    if (exitCode === 0) return 0;
    const refusal = refused(errors);
    if (refusal === undefined) {
        process.stderr.write(errors);
        return 1;
    }
    const code = CODES.findIndex((name) => snakeCase(name) === refusal.code);
    const lines = ['ERROR:', `  Code: ${CODES[code]}`, `  Message: ${refusal.message ?? ''}`];
    if (refusal.details?.length > 0) {
        lines.push('  Details:');
        const reflection = new Reflection(address);
        for (const [at, { type, value }] of refusal.details.entries()) {
            lines.push(`  ${at + 1})\t${JSON.stringify(await detail(reflection, type, value))}`);
        }
        reflection.close();
    }
    console.error(lines.join('\n'));
    return REFUSED + code;
}

function run(args) {
    return new Promise((resolve, reject) => {
        const buf = spawn('buf', args, { stdio: ['inherit', 'inherit', 'pipe'] });
        let errors = '';
        buf.stderr.setEncoding('utf8').on('data', (text) => (errors += text));
        buf.on('error', reject);
        buf.on('close', (exitCode) => resolve({ exitCode, errors }));
    });
}

/** What buf prints of a refusal: `{"code": "not_found", …}`; undefined where it failed otherwise. */
function refused(errors) {
    try {
        const refusal = JSON.parse(errors);
        return typeof refusal.code === 'string' ? refusal : undefined;
    } catch {
        return undefined;
    }
}

function snakeCase(name) {
    return name.replace(/(?<=.)[A-Z]/g, '_$&').toLowerCase();
}
