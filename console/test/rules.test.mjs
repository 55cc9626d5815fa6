/* Rules and the ATT&CK matrix over a real collector: which rules are loaded, which fired, which were never tried, which could not be loaded. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { axeBoth, keys, open, role, sees, text } from '../harness/page.mjs';
import { stage } from '../harness/stage.mjs';
import { request, ROOT, sqlInjection, ssh, world } from '../harness/world.mjs';

let w, browser;
const ALL = /(\d+) rules\b/;
const BAD = 'title: A rule with a mistake\nid: 5d2b9d0e-0000-4000-8000-00000000bad1\nlogsource:\n  category: webserver\ndetection:\n  selection:\n    nonsense|nomodifier: x\n  condition: selection\n';
const HOSTILE = `title: "\\u202eelur <img src=x onerror=alert(1)>"\nid: 5d2b9d0e-0000-4000-8000-00000000bad2\nlevel: low\ntags:\n  - attack.t9999\n  - attack.stealth\nlogsource:\n  category: webserver\ndetection:\n  selection:\n    url.path: /nobody-asks-for-this\n  condition: selection\n`;

const skip = stage(async b => {
    browser = b;
    const rules = fs.mkdtempSync('/tmp/dw-console-rules-');
    fs.cpSync(path.join(ROOT, 'rules'), path.join(rules, 'shipped'), { recursive: true });
    fs.writeFileSync(path.join(rules, 'bad.yml'), BAD);
    fs.writeFileSync(path.join(rules, 'hostile.yml'), HOSTILE);
    const logs = { 'access.log': sqlInjection('203.0.113.5', 300) + sqlInjection('203.0.113.6', 290) + request('198.51.100.1', '/', 200), 'auth.log': ssh('Accepted', 'alice', '203.0.113.9', 60) };
    w = await world('rules', { logs, events: 4, alerts: 2, rules });
    return w;
});

const cellsOf = (page, title) => page.evaluate(t => {
    const row = [...document.querySelectorAll('[role=row]')].find(r => r.innerText.includes(t));
    return row ? [...row.querySelectorAll('[role=cell]')].map(c => [c.dataset.label, c.innerText.replace(/\s+/g, ' ').trim()]) : [];
}, title);

test('each rule says what it found and what it cost, by the numbers of the API', { skip, timeout: 240e3 }, async () => {
    const page = await open(browser, w.url);
    await sees(page, 'Alerts');
    await keys(page, 'g', 'r');
    await role(page, 'table', 'Rules');
    const rules = await w.rows('/api/v1/rules'), alerts = await w.rows('/api/v1/alerts?since=7d'), injection = alerts.find(a => /SQL/.test(a.rule.name)).rule;
    assert.equal(Number(ALL.exec(await text(page))[1]), rules.length);
    const mine = rules.find(r => r.id === injection.id), cells = Object.fromEntries(await cellsOf(page, mine.title));
    assert.equal(mine.matched, 2);
    assert.equal(cells.Matched, '2');
    assert.equal(cells['Alerts 7 d'], String(alerts.filter(a => a.rule.id === mine.id).length));
    assert.match(cells.State, /matches/);
    assert.ok(mine.evaluated >= 2 && mine.evaluated < 4, 'a rule is tried on events that have what it looks for');
    assert.deepEqual(await axeBoth(page), []);
    assert.deepEqual(page.wrongs, []);
    await page.close();
});

test('a rule that did not load, and one that was never tried, are named; a title does nothing', { skip, timeout: 240e3 }, async () => {
    const page = await open(browser, `${w.url}#/rules`);
    await sees(page, '▲ 1 rule did not load: dogwatch rules check says where and why.');
    await keys(page, '/', 'type:bad2');
    await sees(page, '\\u202eelur <img src=x onerror=alert(1)>');
    await sees(page, 'never tried');
    await sees(page, /1 of \d+ rules/);
    await (await role(page, 'button', 'elur')).click();
    await sees(page, 'attack.t9999, attack.stealth');
    await sees(page, 'dogwatch rules run');
    assert.deepEqual(await axeBoth(page), []);
    assert.deepEqual(page.wrongs, []);
    await keys(page, '/', 'type:zzz');
    await sees(page, 'No rule is called so.');
    await (await role(page, 'button', 'Show all')).click();
    await sees(page, ALL);
    await page.close();
});

test('from a rule to its alerts', { skip, timeout: 240e3 }, async () => {
    const page = await open(browser, `${w.url}#/rules`);
    await role(page, 'table', 'Rules');
    await keys(page, '/', 'type:sql');
    await (await role(page, 'link', '2')).click();
    await role(page, 'grid', 'Alerts, the worst first');
    await sees(page, '203.0.113.6');
    await page.close();
});

test('the matrix has every tag of every rule, what was seen, and what no rule looks for', { skip, timeout: 240e3 }, async () => {
    const page = await open(browser, w.url);
    await sees(page, 'Alerts');
    await keys(page, 'g', 'm');
    const cell = await role(page, 'button', 'Exploit public-facing application');
    assert.match(await cell.evaluate(e => e.innerText), /T1190 · \d+ rules · 2 alerts/);
    const rules = await w.rows('/api/v1/rules'), shown = await text(page);
    for (const tag of new Set(rules.flatMap(r => r.tags)))
        if (/^attack\.t\d{4}/.test(tag))
            assert.ok(shown.includes(tag.slice(7, 12).toUpperCase()), tag);
    await sees(page, 'T9999');   /* a number that the page knows no name for, below a tactic that it does not know */
    await sees(page, 'stealth');
    await sees(page, /No rule for .*exfiltration/);
    await cell.click();
    await role(page, 'region', 'Exploit public-facing application');
    await sees(page, /matched 2 times/);
    const unmapped = rules.filter(r => !r.tags.some(t => /^attack\.t\d/i.test(t)));
    await sees(page, `${unmapped.length} rules without a technique`);
    assert.deepEqual(await axeBoth(page), []);
    assert.deepEqual(page.wrongs, []);
    await page.close();
});

test('no rules, and rules without tags: both say what to do', { skip, timeout: 240e3 }, async () => {
    w.instead({ '/api/v1/rules': '{"answer":{"complete":true,"why":null,"rows":0,"events":3,"left_out":0}}\n' });
    const page = await open(browser, `${w.url}#/rules`);
    await sees(page, 'No rules: nothing will be detected.');
    await keys(page, 'g', 'm');
    await sees(page, 'No rules are loaded.');
    w.instead({});
    await page.close();
});

test('alerts that could not be counted are no zeros', { skip, timeout: 240e3 }, async () => {
    w.served.how.intercept = (req, res) => req.url.startsWith('/api/v1/alerts?') && Boolean(res.writeHead(503, { 'Content-Type': 'application/json' }).end('{"error":{"code":"busy","message":"all workers are busy"}}'));
    const page = await open(browser, `${w.url}#/attack`);
    await sees(page, 'no cell says what was seen');
    await page.goto(`${w.url}#/rules`);
    await role(page, 'table', 'Rules');
    await sees(page, 'all workers are busy');
    const rules = await w.rows('/api/v1/rules'), cells = Object.fromEntries(await cellsOf(page, rules.find(r => r.matched).title));
    assert.equal(cells['Alerts 7 d'], '?');
    assert.ok(!(await text(page)).includes('as of'), 'nor is it as of now');
    w.instead({});
    await page.close();
});
