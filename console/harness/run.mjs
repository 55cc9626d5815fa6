/*
 * run: all tests of the console as one command, for ctest: node console/harness/run.mjs [name ...]
 *
 * Without what they need they are not failed but skipped, with a line that says what is missing. Files run one after the other: each
 * starts a collector and a browser of its own.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

function lacking() {
    if (Number(process.versions.node.split('.')[0]) < 18)
        return `node ${process.versions.node} is older than 18`;
    const absent = ['esbuild', 'preact', 'puppeteer-core', 'axe-core'].filter(name => !fs.existsSync(path.join(HERE, 'node_modules', name)));
    return absent.length ? `${absent.join(', ')} not installed: npm ci --prefix console` : '';
}

const why = lacking();
if (why) {
    console.log(`SKIPPED ${why}`);
    process.exit(0);
}
const wanted = process.argv.slice(2), files = fs.readdirSync(path.join(HERE, 'test')).filter(f => !wanted.length || wanted.some(n => f.startsWith(`${n}.`)));
let failed = 0;
for (const file of files)
    failed += spawnSync(process.execPath, ['--test', path.join('test', file)], { cwd: HERE, stdio: 'inherit' }).status ? 1 : 0;
process.exit(failed || !files.length ? 1 : 0);
