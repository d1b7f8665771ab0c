// The part of grpcurl that grpcurl-examples/ uses, made of `buf curl`: `-plaintext`, `-d` (text, or `@` for standard input),
// `-H`, `-max-time`, `list`, `describe` and calls; the same output, and the same exit codes.

import { describe } from './describe.mjs';
import { Reflection } from './reflection.mjs';
import { call } from './call.mjs';

const USAGE = 2;
const FAILED = 1;

/** What the command line asks for. */
function parse(args) {
    const wanted = { headers: [], words: [] };
    while (args.length > 0) {
        const word = args.shift();
        const flag = word.startsWith('-') ? word.replace(/^--?/, '') : undefined;
        if (flag === undefined) wanted.words.push(word);
        else if (flag === 'plaintext') wanted.plaintext = true;
        else if (flag === 'd') wanted.data = args.shift();
        else if (flag === 'H') wanted.headers.push(args.shift());
        else if (flag === 'max-time') wanted.seconds = args.shift();
        else throw new Error(`the stand-in for grpcurl does not know ${word}`);
    }
    if (!wanted.plaintext) throw new Error('the stand-in for grpcurl only knows -plaintext');
    return wanted;
}

async function run(wanted) {
    const [address, verb, symbol] = wanted.words;
    if (verb !== 'list' && verb !== 'describe') return call(address, verb, wanted);
    const reflection = new Reflection(address);
    try {
        if (verb === 'describe') {
            console.log(await describe(reflection, symbol));
        } else {
            const names = symbol === undefined ? await reflection.services() : await reflection.methods(symbol);
            console.log(names.sort().join('\n'));
        }
        return 0;
    } finally {
        reflection.close();
    }
}

let wanted;
try {
    wanted = parse(process.argv.slice(2));
} catch (error) {
    console.error(error.message);
    process.exit(USAGE);
}
try {
    process.exitCode = await run(wanted);
} catch (error) {
    console.error(`Failed: ${error.message}`);
    process.exitCode = FAILED;
}
