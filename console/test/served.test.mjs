/* The collector itself serves the page and signs people in: the bytes of dist/, the headers, a link of `dogwatch console`, the end of a session. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import zlib from 'node:zlib';
import { DIST } from '../build.mjs';
import { CSP } from '../dev.mjs';
import { keys, open, role, sees } from '../harness/page.mjs';
import { stage } from '../harness/stage.mjs';
import { DOGWATCH, sqlInjection, until, world } from '../harness/world.mjs';

let w, browser, url;

const skip = stage(async b => {
    browser = b;
    w = await world('served', { logs: { 'access.log': sqlInjection('203.0.113.5', 300) }, events: 1, alerts: 1 });
    url = await until('the address', () => /HTTP API on (http:\/\/127\.0\.0\.1:\d+)/.exec(w.said)?.[1]);
    return w;
});

function link() {
    return new Promise((resolve, reject) => execFile(DOGWATCH, ['console', '--data', w.data], { env: { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' } },
        (e, stdout, stderr) => (/http:\S+#code=\S+/.test(stdout) ? resolve(/http:\S+#code=\S+/.exec(stdout)[0]) : reject(new Error(`${e} ${stdout} ${stderr}`)))));
}

const FILES = [['/', 'index.html', 'text/html'], ['/console/app.js', 'app.js', 'text/javascript'], ['/console/chart.js', 'chart.js', 'text/javascript'], ['/console/app.css', 'app.css', 'text/css']];

test('the files are those of dist, with the policy, compressed, and not sent twice', { skip, timeout: 240e3 }, async () => {
    for (const [at, name, type] of FILES) {
        const r = await fetch(url + at, { headers: { 'Accept-Encoding': 'gzip' } });
        assert.equal(r.status, 200, at);
        assert.equal(r.headers.get('content-encoding'), 'gzip', at);
        assert.ok(r.headers.get('content-type').startsWith(type), at);
        assert.equal(r.headers.get('content-security-policy'), CSP, at);
        assert.equal(r.headers.get('x-content-type-options'), 'nosniff', at);
        assert.ok(Buffer.from(await r.arrayBuffer()).equals(zlib.gunzipSync(fs.readFileSync(path.join(DIST, `${name}.gz`)))), `${at}: the bytes`);
        const again = await fetch(url + at, { headers: { 'If-None-Match': r.headers.get('etag') } });
        assert.equal(again.status, 304, `${at}: ETag`);
    }
});

test('a link signs in once, changes are made by the cookie, and signing out ends it', { skip, timeout: 240e3 }, async () => {
    const at = await link(), page = await open(browser, at, { signedIn: false });
    await role(page, 'grid', 'Alerts, the worst first');
    assert.ok(!page.url().includes('code='));
    assert.deepEqual(await page.evaluate(() => document.cookie), '', 'the cookie is HttpOnly');
    await keys(page, 'a');
    await sees(page, 'Taken: 1 alert. u undoes it.');
    await (await role(page, 'button', 'Sign out')).click();
    await role(page, 'dialog', 'Sign in');
    await page.type('input[name=code]', at);
    await keys(page, 'Enter');
    await sees(page, 'This code is wrong, was used before, or is over');
    assert.deepEqual(page.wrongs, []);
    await page.close();
});
