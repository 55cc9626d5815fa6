/* The tree itself: dist is what the sources make, within its budget; no way from a log line to markup; files and functions as the style says. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DIST, LIMIT_BYTES, sizes, stale } from '../build.mjs';

const HERE = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const FILES = ['src', 'test', 'harness', '.'].flatMap(dir => fs.readdirSync(path.join(HERE, dir)).filter(f => /\.m?js$/.test(f)).map(f => path.join(HERE, dir, f)));
const read = file => fs.readFileSync(file, 'utf8');

test('dist is current', async () => {
    assert.deepEqual(await stale(), [], 'run node console/build.mjs');
});

test('all that is served is at most 120 KB gzipped', () => {
    const { each, total } = sizes(DIST);
    console.log(`budget: ${total} bytes gzipped of ${LIMIT_BYTES} (${each.map(([n, , gz]) => `${n} ${gz}`).join(', ')})`);
    assert.ok(total <= LIMIT_BYTES);
});

test('the licences of all that is bundled are there', () => {
    const text = read(path.join(DIST, 'LICENSES.txt'));
    for (const name of ['@preact/signals', 'htm', 'preact', 'uplot'])
        assert.match(text, new RegExp(`^${name.replace('/', '\\/')} \\d`, 'm'));
});

test('no source makes markup or code of text', () => {
    for (const file of FILES.filter(f => f.includes('/src/')))
        assert.doesNotMatch(read(file).replace(/\/\*[\s\S]*?\*\//g, ''), /innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|document\.write|\beval\(|new Function|srcdoc/, file);
});

test('the page has no inline script or style, and asks nobody else', () => {
    const page = read(path.join(DIST, 'index.html'));
    assert.doesNotMatch(page, /<style|style=| on\w+=|https?:|<script(?![^>]*src=)/);
});

test('a file opens with its idea, has at most 800 lines, a function at most 70', () => {
    for (const file of FILES) {
        const lines = read(file).split('\n');
        assert.match(lines[0], /^\/\*/, `${file}: the top comment`);
        assert.ok(lines.length <= 800, `${file}: ${lines.length} lines`);
        lines.forEach((line, i) => {
            if (!/^(export )?(async )?function|^class /.test(line) || /^class /.test(line))
                return;
            const end = lines.findIndex((l, k) => k > i && l === '}');
            assert.ok(end - i < 70, `${path.basename(file)}:${i + 1}: ${end - i + 1} lines`);
        });
    }
});
