/*
 * build: makes dist/ of src/: a page, its style sheet, its script and the chart's, each also gzipped, and the licences of what is in them.
 *
 *     node console/build.mjs            writes dist/
 *     node console/build.mjs --check    builds into a temporary folder and compares: exit 1 when dist/ is not current
 *
 * The same sources and lock file give the same bytes: no time, no path and no name of a machine goes in.
 */
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import zlib from 'node:zlib';
import esbuild from 'esbuild';

const HERE = path.dirname(fileURLToPath(import.meta.url));
export const DIST = path.join(HERE, 'dist');
export const LIMIT_BYTES = 120 * 1024;
const SERVED = ['index.html', 'app.js', 'chart.js', 'app.css'];
const OPTIONS = { bundle: true, minify: true, target: 'es2022', charset: 'ascii', legalComments: 'none', metafile: true, logLevel: 'warning' };

/* Of gzip's output only the byte that names the system could differ between machines. */
function gzip(data) {
    const out = zlib.gzipSync(data, { level: 9 });
    out[9] = 255;
    return out;
}

/* The packages of which something is in the bundle, from esbuild's own account of it. */
function packagesOf(...metafiles) {
    const names = new Set();
    for (const output of metafiles.flatMap(m => Object.values(m.outputs)))
        for (const input of Object.keys(output.inputs)) {
            const m = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
            if (m)
                names.add(m[1]);
        }
    return [...names].sort();
}

function licences(names) {
    const parts = names.map(name => {
        const dir = path.join(HERE, 'node_modules', name);
        const pkg = JSON.parse(fs.readFileSync(path.join(dir, 'package.json'), 'utf8'));
        const file = fs.readdirSync(dir).find(f => /^licen[cs]e/i.test(f));
        const text = file ? fs.readFileSync(path.join(dir, file), 'utf8').replace(/\r\n/g, '\n').trim() : `Licence: ${pkg.license}`;
        return `${name} ${pkg.version} (${pkg.license})\n\n${text}\n`;
    });
    return `The console holds parts of these packages.\n\n${parts.join(`\n${'-'.repeat(78)}\n\n`)}`;
}

/* What dist/ is made of, by hash: whoever has no node can see that it is current. */
function sources() {
    const src = fs.readdirSync(path.join(HERE, 'src')).map(f => `src/${f}`);
    const hash = f => crypto.createHash('sha256').update(fs.readFileSync(path.join(HERE, f))).digest('hex');
    return [...src, 'build.mjs', 'package.json', 'package-lock.json'].sort().map(f => `${hash(f)}  ${f}\n`).join('');
}

export async function build(dir) {
    fs.mkdirSync(dir, { recursive: true });
    const of = { ...OPTIONS, absWorkingDir: HERE, outdir: dir };
    const app = await esbuild.build({ ...of, entryPoints: { app: 'src/main.js' }, format: 'iife', external: ['/console/chart.js'] });
    const chart = await esbuild.build({ ...of, entryPoints: { chart: 'src/chart.js' }, format: 'esm' });
    fs.copyFileSync(path.join(HERE, 'src/index.html'), path.join(dir, 'index.html'));
    for (const name of SERVED)
        fs.writeFileSync(path.join(dir, `${name}.gz`), gzip(fs.readFileSync(path.join(dir, name))));
    fs.writeFileSync(path.join(dir, 'LICENSES.txt'), licences(packagesOf(app.metafile, chart.metafile)));
    fs.writeFileSync(path.join(dir, 'SOURCES'), sources());
}

export function sizes(dir) {
    const each = SERVED.map(name => [name, fs.statSync(path.join(dir, name)).size, fs.statSync(path.join(dir, `${name}.gz`)).size]);
    return { each, total: each.reduce((sum, [, , gz]) => sum + gz, 0) };
}

/* Names of files of dist/ that a build now would make otherwise. Compressed ones are compared by content: zlib's versions may differ. */
export async function stale() {
    const fresh = fs.mkdtempSync(path.join(os.tmpdir(), 'dw-console-'));
    try {
        await build(fresh);
        const content = (dir, name) => {
            const data = fs.existsSync(path.join(dir, name)) ? fs.readFileSync(path.join(dir, name)) : Buffer.alloc(0);
            return name.endsWith('.gz') && data.length ? zlib.gunzipSync(data) : data;
        };
        const names = new Set([...fs.readdirSync(fresh), ...fs.readdirSync(DIST)]);
        return [...names].filter(name => !content(fresh, name).equals(content(DIST, name)));
    } finally {
        fs.rmSync(fresh, { recursive: true });
    }
}

function report(dir) {
    const { each, total } = sizes(dir);
    for (const [name, size, gz] of each)
        console.log(`${name.padEnd(12)} ${String(size).padStart(7)} bytes ${String(gz).padStart(7)} gzipped`);
    console.log(`total        ${String(total).padStart(21)} gzipped, of at most ${LIMIT_BYTES}`);
    return total <= LIMIT_BYTES;
}

async function main() {
    if (!process.argv.includes('--check')) {
        await build(DIST);
        process.exit(report(DIST) ? 0 : 1);
    }
    const names = await stale();
    console.log(names.length ? `dist is not current: ${names.join(', ')}; run node console/build.mjs` : 'dist is current');
    process.exit(names.length || !report(DIST) ? 1 : 0);
}

if (process.argv[1] === fileURLToPath(import.meta.url))
    await main();
