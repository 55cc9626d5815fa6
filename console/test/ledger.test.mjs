/* Agents and ledger over a real collector: who sends, the account of every byte, a file that vanished, and accounts that do not come out. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { axeBoth, keys, open, role, sees, text } from '../harness/page.mjs';
import { stage } from '../harness/stage.mjs';
import { request, ssh, until, world } from '../harness/world.mjs';

let w, browser;

const skip = stage(async b => {
    browser = b;
    const lines = Array.from({ length: 200 }, (_, i) => request('198.51.100.1', `/page/${i}`, 600 - i)).join('');
    w = await world('ledger', { logs: { 'access.log': lines, 'auth.log': ssh('Accepted', 'alice', '203.0.113.9', 60) }, events: 201 });
    return w;
});

const squeezed = async page => (await text(page)).replace(/\s+/g, ' ');

test('every byte is accounted for, and the page shows the numbers of the API', { skip }, async () => {
    const page = await open(browser, w.url);
    await sees(page, 'Alerts');
    await keys(page, 'g', 'l');
    await sees(page, 'Every byte that was read is accounted for.');
    const size = fs.statSync(path.join(w.dir, 'logs/access.log')).size;
    const [row] = (await w.rows('/api/v1/ledger')).filter(s => s.file.endsWith('access.log'));
    assert.equal(row.read, size);
    await sees(page, `${size.toLocaleString('en-US')}`);
    await sees(page, '● heard');
    await sees(page, 'No gap, no broken chain, no stranger');
    assert.deepEqual(await axeBoth(page), []);
    assert.deepEqual(page.wrongs, []);
    await (await role(page, 'link', '/logs/auth.log')).click();   /* from a file to its lines */
    await sees(page, 'Accepted password for alice');
    assert.ok(w.asked().some(a => a.query?.startsWith('log.file.path:"') && a.query.includes('auth.log')), 'the query is in the audit log');
    await page.close();
}, { timeout: 240e3 });

test('a file that vanished while the agent was down is named, with when and a way to its alert', { skip }, async () => {
    await w.stop();
    fs.appendFileSync(path.join(w.dir, 'logs/auth.log'), ssh('Failed', 'bob', '203.0.113.9', 1));
    fs.unlinkSync(path.join(w.dir, 'logs/auth.log'));
    w.start();
    await w.ready();
    await until('the finding', async () => (await w.rows('/api/v1/alerts')).some(a => a.rule.id === 'dogwatch.stream.lost'), 60);
    const page = await open(browser, `${w.url}#/ledger`);
    await sees(page, 'A log file vanished before it was read to its end');
    await until('the stream in words', async () => /▲ the file vanished|▲ .* are nowhere/.test(await squeezed(page)));
    await sees(page, '▲ 1 stream with a gap.');
    assert.deepEqual(await axeBoth(page), []);
    await (await role(page, 'link', 'A log file vanished')).click();
    await role(page, 'heading', 'Why it was raised');
    await sees(page, 'are lost, how many is unknown');
    await sees(page, 'names no events');
    assert.deepEqual(await axeBoth(page), []);
    await page.close();
}, { timeout: 240e3 });

test('an account that does not come out, a silent agent and a partial answer are said', { skip }, async () => {
    const answers = {
        '/api/v1/agents': '{"agent":"00ff","host":"db1","state":"new","starts":1,"frames":3,"events":9,"spool":1048576,"first":"2026-01-01T00:00:00Z","last":"2026-01-01T00:00:00Z"}\n{"answer":{"complete":true,"why":null,"rows":1}}\n',
        '/api/v1/ledger': '{"host":"db1","file":"/var/log/a.log","state":"live","read":100,"archived":60,"declared":10,"pending":10,"unaccounted":20,"again":0}\n'
            + '{"host":"db1","file":"/var/log/b.log","state":"live","read":100,"archived":60,"declared":0,"pending":0,"unaccounted":0,"again":0}\n{"answer":{"complete":false,"why":"segment 7 cannot be read","rows":2}}\n',
    };
    w.instead(answers);
    const page = await open(browser, `${w.url}#/ledger`);
    await sees(page, '20 B are nowhere');
    await sees(page, 'the sum does not come out');
    await sees(page, 'segment 7 cannot be read');
    await sees(page, 'new: not agreed to');
    await sees(page, /silent for \d+ d/);
    assert.ok(!(await text(page)).includes('Every byte'));
    assert.deepEqual(await axeBoth(page), []);
    w.instead({});
    await page.close();
}, { timeout: 240e3 });

test('no agent yet: the page says how to begin', { skip }, async () => {
    const none = '{"answer":{"complete":true,"why":null,"rows":0}}\n';
    w.instead({ '/api/v1/agents': none, '/api/v1/ledger': none });
    const page = await open(browser, `${w.url}#/ledger`);
    await sees(page, 'No agent has sent anything.');
    await sees(page, 'dogwatch up');
    w.instead({});
    await page.close();
}, { timeout: 240e3 });
