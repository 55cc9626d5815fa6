/* Policies over a real collector: what alerts propose, what it would have hit, the decision, and the text for a gateway. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { axeBoth, keys, open, role, sees, text } from '../harness/page.mjs';
import { stage } from '../harness/stage.mjs';
import { request, sqlInjection, until, world } from '../harness/world.mjs';

let w, browser;

const skip = stage(async b => {
    browser = b;
    const lines = Array.from({ length: 20 }, (_, i) => request('203.0.113.5', `/page/${i}`, 3000 - i * 60)).join('');
    const logs = { 'access.log': lines + sqlInjection('203.0.113.5', 300) + sqlInjection('10.1.2.3', 290) + request('198.51.100.1', '/', 200) };
    w = await world('policies', { logs, events: 23, alerts: 2 });
    return w;
});

const entry = address => w.rows('/api/v1/policies').then(rows => rows.find(r => r.address === address));

test('impact first, then approve, copy and take back; all of it is in the audit log', { skip, timeout: 240e3 }, async () => {
    const page = await open(browser, w.url, { init: () => {
        globalThis.copied = '';
        Object.defineProperty(navigator, 'clipboard', { value: { writeText: async t => {
            globalThis.copied = t;
        } } });
    } });
    await sees(page, 'Alerts');
    await keys(page, 'g', 'p');
    await role(page, 'table', 'Entries');
    await sees(page, '○ proposed');
    assert.deepEqual(await axeBoth(page), []);
    await until('the row by keys', async () => {
        await keys(page, 'j');
        return (await page.evaluate(() => document.activeElement.innerText)).includes('203.0.113.5');
    });
    await keys(page, 'Enter');
    await sees(page, /would have hit 21 requests/);
    await sees(page, '▲ unknown: nobody was logged in');
    await sees(page, 'SQL injection attempt in a request');
    assert.deepEqual(await axeBoth(page), []);
    await page.type('input[name=reason]', 'probing, see ticket 7');
    await page.select('select[name=until]', '1h');
    await (await role(page, 'button', 'Approve')).click();
    await sees(page, '203.0.113.5 is active until');
    const now = await entry('203.0.113.5');
    assert.equal(now.state, 'active');
    assert.equal(now.reason, 'probing, see ticket 7');
    assert.ok(Math.abs(Date.parse(now.until) - Date.now() - 3600e3) < 120e3);
    await until('the text', async () => /203\.0\.113\.5/.test(await page.$eval('.config', e => e.innerText).catch(() => '')));
    await keys(page, 'c');
    await sees(page, 'Copied: the active entries for nginx.');
    const copied = await page.evaluate(() => globalThis.copied);
    const timeless = file => file.replace(/at \S+Z; changes/, 'at; changes');
    assert.equal(timeless(copied), timeless((await w.ask('/api/v1/policy/nginx')).text), 'what is copied is what the collector says');
    await page.select('main .bar select', 'nftables');
    await until('the other language', async () => /table inet/.test(await page.$eval('.config', e => e.innerText).catch(() => '')));
    if (!await page.$('input[name=reason]'))
        await (await role(page, 'button', '203.0.113.5')).click();
    await (await role(page, 'button', 'Take back')).click();
    await sees(page, '203.0.113.5 was taken back.');
    assert.equal((await entry('203.0.113.5')).state, 'rolled_back');
    assert.ok(w.asked().some(a => a.method === 'PATCH' && a.route.startsWith('/api/v1/policies/') && a.state === 'approved'));
    assert.deepEqual(page.wrongs, []);
    await page.close();
});

test('an address of the never-block list is refused, with why, and cannot be approved', { skip, timeout: 240e3 }, async () => {
    const page = await open(browser, `${w.url}#/policies`);
    await (await role(page, 'button', '10.1.2.3')).click();
    await sees(page, '▲ refused');
    await sees(page, 'private');
    await sees(page, 'would have hit');
    assert.ok(!(await text(page)).includes('Approve'));
    assert.deepEqual(await axeBoth(page), []);
    await page.close();
});

test('nothing to block, and a decision that the collector refuses, are said', { skip, timeout: 240e3 }, async () => {
    const one = await entry('203.0.113.5');
    w.served.how.intercept = (req, res) => req.method === 'PATCH' && Boolean(res.writeHead(409, { 'Content-Type': 'application/json' })
        .end('{"error":{"code":"refused","message":"it is on the never-block list","hint":"policy.never_block"}}'));
    const page = await open(browser, `${w.url}#/policies`);
    await (await role(page, 'button', one.address)).click();
    await (await role(page, 'button', 'Approve')).click();
    await sees(page, 'it is on the never-block list');
    w.instead({ '/api/v1/policies': '{"answer":{"complete":true,"why":null,"rows":0}}\n' });
    await keys(page, 'Escape', 'r');
    await page.evaluate(() => document.activeElement.blur());
    await keys(page, 'r');
    await sees(page, 'Nothing to block.');
    w.instead({});
    assert.deepEqual(page.wrongs, []);
    await page.close();
});

test('a slow answer about one entry, or one language, never stands under another', { skip, timeout: 240e3 }, async () => {
    const slow = await entry('203.0.113.5'), held = [];
    w.served.how.intercept = (req, res) => (req.url.includes(`${slow.id}/impact`) || req.url.startsWith('/api/v1/policy/haproxy')) && Boolean(held.push(res));
    const page = await open(browser, `${w.url}#/policies`);
    await (await role(page, 'button', '203.0.113.5')).click();
    await until('a request that is held', () => held.length === 1);
    await (await role(page, 'button', '10.1.2.3')).click();
    await sees(page, 'would have hit');
    await page.select('main .bar select', 'haproxy');
    await until('another', () => held.length === 2);
    assert.equal(await page.$('.config'), null, 'nothing of the language before can be copied');
    await page.select('main .bar select', 'nftables');
    await until('nftables', async () => /table inet/.test(await page.$eval('.config', e => e.innerText).catch(() => '')));
    held[0].writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ id: slow.id, address: slow.address, requests: 987654, within: 1, answered: 0, with_user: 0, users: 0, agents: 0, more: false, claimed: 0, first: null, last: null, legitimacy: 'unknown', complete: true }));
    held[1].writeHead(200, { 'Content-Type': 'text/plain' }).end('haproxy-text-that-came-late');
    await page.evaluate(() => fetch('/api/v1/session').then(r => r.text()));   /* what was sent before has been taken */
    const shown = await text(page);
    assert.ok(!shown.includes('987,654') && !shown.includes('came-late'), shown);
    assert.deepEqual(page.wrongs, []);
    w.instead({});
    await page.close();
});
