/* Entities over a real collector: who alerts are about, and one address over time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { axeBoth, keys, open, role, sees, text } from '../harness/page.mjs';
import { stage } from '../harness/stage.mjs';
import { request, sqlInjection, ssh, until, world } from '../harness/world.mjs';

let w, browser;

const skip = stage(async b => {
    browser = b;
    const lines = Array.from({ length: 30 }, (_, i) => request('203.0.113.5', `/page/${i % 3}`, 3000 - i * 60)).join('');
    const logs = { 'access.log': lines + sqlInjection('203.0.113.5', 300) + request('198.51.100.1', '/', 200), 'auth.log': ssh('Accepted', 'alice', '203.0.113.5', 60) };
    w = await world('entity', { logs, events: 33, alerts: 1 });
    return w;
});

test('from the list, by risk, to one address: its time, alerts, what is beside it, and its lines', { skip, timeout: 240e3 }, async () => {
    const page = await open(browser, w.url);
    await sees(page, 'Alerts');
    await keys(page, 'g', 'e');
    const [top] = await w.rows('/api/v1/entities?since=24h');
    await role(page, 'table', 'Entities, the greatest risk first');
    await sees(page, top.value);
    assert.deepEqual(await axeBoth(page), []);
    await (await role(page, 'link', '203.0.113.5')).click();
    await role(page, 'list', 'nginx.access: 31 events');
    await role(page, 'list', '1 alert');
    await sees(page, /Events in the range\s+32/);
    await sees(page, 'Newest lines');
    await keys(page, 'j');   /* past what is folded away */
    assert.match(await page.evaluate(() => document.activeElement.innerText), /SQL injection/);
    await sees(page, 'Accepted password for alice');
    await until('the values beside it', async () => !(await text(page)).includes('Counting'));
    const shown = (await text(page)).replace(/\s+/g, ' ');
    assert.match(shown, /url\.path .*\/page\/0/);
    assert.match(shown, /user\.name alice/);
    assert.ok(!shown.includes('198.51.100.1'), 'nothing of others');
    assert.ok(w.asked().some(a => a.query?.startsWith('source.ip:"203.0.113.5"')), 'the queries are in the audit log');
    assert.deepEqual(await axeBoth(page), []);
    assert.deepEqual(page.wrongs, []);
    await (await role(page, 'link', 'alice')).click();   /* pivot */
    await sees(page, /user\.name\s+alice/);
    await sees(page, /Events in the range\s+1\b/);
    await page.close();
});

test('a bar of a lane, and the table of all bars, lead to those events', { skip, timeout: 240e3 }, async () => {
    const page = await open(browser, `${w.url}#/entity/source.ip%3D203.0.113.5?since=1h`);
    const lane = await role(page, 'list', 'nginx.access: 31 events');
    const bars = await lane.$$('a');
    assert.ok(bars.length > 3);
    await page.evaluate(() => document.querySelector('.asTable summary').click());
    const sum = await page.evaluate(() => [...document.querySelectorAll('.asTable tbody tr')].filter(r => r.cells[1].innerText === 'nginx.access').reduce((n, r) => n + Number(r.cells[2].innerText), 0));
    assert.equal(sum, 31, 'the table has every event of the lane');
    await bars[0].click();
    await sees(page, 'looked at');
    assert.match(page.url(), /#\/search\?q=source\.ip/);
    await page.close();
});

test('one of which no alert speaks is found by name; one that nothing names says what to do', { skip, timeout: 240e3 }, async () => {
    const page = await open(browser, `${w.url}#/entity`);
    await (await role(page, 'searchbox', 'Value')).type('198.51.100.1');
    await keys(page, 'Enter');
    await sees(page, '0: no alert is about it');
    await sees(page, /Events in the range\s+1\b/);
    await page.goto(`${w.url}#/entity/source.ip%3D%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E%20or%20*`);
    await sees(page, 'Nothing names it in this range.');
    await sees(page, '<script>alert(1)</script> or *');
    assert.deepEqual(await axeBoth(page), []);
    await (await role(page, 'button', 'Look in the last 30 days')).click();
    await sees(page, 'Nothing names it');
    await page.goto(`${w.url}#/entity/user.name=100%sure`);   /* typed by hand, no encoding */
    await sees(page, '100%sure');
    await page.goto(`${w.url}#/entity/user.name=a/b`);
    await sees(page, 'a/b');
    await page.goto(`${w.url}#/entity/source.ip=203.0.113.0/24`);
    await sees(page, /Events in the range\s+32\b/);
    await page.goto(`${w.url}#/entity/a%20or%20b=1`);
    await sees(page, 'This names no entity.');
    await page.goto(`${w.url}#/entity/nonsense`);
    await sees(page, 'This names no entity.');
    assert.deepEqual(page.wrongs, []);
    await page.close();
});
