/* The search page over a real collector: mistakes under the caret, zoom, fields, columns, rows, pipes, live tail, saved searches. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { axeBoth, keys, open, role, sees, text } from '../harness/page.mjs';
import { stage } from '../harness/stage.mjs';
import { request, ssh, until, world } from '../harness/world.mjs';

let w, browser;

const skip = stage(async b => {
    browser = b;
    const access = Array.from({ length: 1200 }, (_, i) => request(`198.51.100.${1 + i % 4}`, `/page/${i}`, 5400 - i * 3, i % 100 === 7 ? 503 : 200)).join('');
    const auth = Array.from({ length: 8 }, (_, i) => ssh(i % 2 ? 'Failed' : 'Accepted', i % 3 ? 'root' : 'alice', '203.0.113.9', 600 - i, 4000 + i)).join('');
    w = await world('search', { logs: { 'access.log': access, 'auth.log': auth }, events: 1209 });
    return w;
});

const at = q => `${w.url}#/search?q=${encodeURIComponent(q)}`;
const param = (page, name) => new URLSearchParams(page.url().split('?')[1]).get(name);
const firstRow = page => page.$eval('.grow', e => e.innerText).catch(() => '');

test('the first look says how to ask', { skip }, async () => {
    const page = await open(browser, `${w.url}#/search`);
    await sees(page, 'What are you looking for?');
    assert.deepEqual(await axeBoth(page), []);
    await (await role(page, 'link', 'http.response.status_code:>=500')).click();
    await sees(page, '12 events');
    await sees(page, 'complete');
    assert.ok(w.asked().some(a => a.route === '/api/v1/histogram' && a.filter === 'http.response.status_code:>=500'), 'the audit log has the histogram');
    assert.ok(w.asked().some(a => a.query === 'http.response.status_code:>=500 | sort -@timestamp, -dogwatch.start | head 500'), 'and the query');
    await page.close();
}, { timeout: 240e3 });

test('the newest come first, more on demand, and what is not shown is said', { skip }, async () => {
    const page = await open(browser, at('*'));
    await sees(page, 'the 500 newest of 1,209 events');
    await sees(page, '/page/1199');
    assert.deepEqual(await axeBoth(page), []);
    await keys(page, 'm');
    await until('all rows', async () => await page.$eval('[role=grid]', g => g.getAttribute('aria-rowcount')) === '1210'); // and the head
    await keys(page, 'End');
    await sees(page, '/page/0 ');
    assert.ok((await page.$$('.grow')).length < 80, 'only rows in sight are in the page');
    assert.deepEqual(page.wrongs, []);
    await page.close();
}, { timeout: 240e3 });

test('a mistake is shown under its place, in the filter and in a pipe', { skip }, async () => {
    const page = await open(browser, at('foo and ('));
    await sees(page, /1 \| foo and \(\n +\| +\^/);
    assert.equal(await page.$eval('[type=search]', i => `${i.getAttribute('aria-invalid')} ${i.selectionStart}`), 'true 9');
    await page.goto(at('* | stats cuont by source.ip'));
    await sees(page, /query:1:\d+: error/);
    assert.deepEqual(await axeBoth(page), []);
    await page.close();
}, { timeout: 240e3 });

test('dragging over the histogram looks at that time alone; arrow keys and Enter do too', { skip }, async () => {
    const page = await open(browser, at('page') + '&since=24h');
    await sees(page, 'the 500 newest of');
    const box = await (await page.waitForSelector('.u-over')).boundingBox();
    await page.mouse.move(box.x + box.width * 0.9, box.y + 30);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.97, box.y + 30, { steps: 4 });
    await page.mouse.up();
    await until('a range', async () => param(page, 'until'));
    const width = Date.parse(param(page, 'until')) - Date.parse(param(page, 'since'));
    assert.ok(Math.abs(width - 0.07 * 24 * 3600e3) < 600e3, `7 % of a day, not ${width / 60e3} min`);
    const asked = () => w.asked().filter(a => a.route === '/api/v1/histogram' && a.until === param(page, 'until')).length;
    await until('the histogram of that range', asked);
    await page.focus('[role=slider]');
    await until('the bar to be read out', async () => /\d events?$/.test(await page.$eval('[role=slider]', e => e.getAttribute('aria-valuetext'))) || (await keys(page, 'End'), false));
    const before_ = param(page, 'since');
    await keys(page, 'Enter');
    await until('a narrower range', async () => param(page, 'since') !== before_);
    await page.close();
}, { timeout: 240e3 });

test('fields: top values over all events; with them the query is narrowed; columns', { skip }, async () => {
    const page = await open(browser, at('*'));
    await sees(page, 'the 500 newest of 1,209 events');
    await (await role(page, 'button', 'http.response.status_code')).click();
    await sees(page, /503\s*12, <1 %|503\s*12, 1 %/);
    await (await role(page, 'button', '+ col source.ip')).click();
    await sees(page, 'source.ip');
    assert.ok((await page.$$eval('[role=columnheader]', all => all.map(e => e.textContent))).includes('source.ip'));
    await (await role(page, 'button', 'only http.response.status_code 503')).click();
    await until('twelve rows', async () => await page.$eval('[role=grid]', g => g.getAttribute('aria-rowcount')).catch(() => '') === '13');
    assert.equal(param(page, 'q'), 'http.response.status_code:503');
    await page.keyboard.press('Escape');
    await page.evaluate(() => document.activeElement.blur());
    await keys(page, 'ArrowRight', 'ArrowRight', 'ArrowRight', 'F');    /* the column source.ip */
    await until('one address less', async () => /^http.response.status_code:503 and not source.ip:"198.51.100.\d"$/.test(param(page, 'q')));
    await page.close();
}, { timeout: 240e3 });

test('a row opens to all its fields, and leads to the lines around it', { skip }, async () => {
    const page = await open(browser, at('alice'));
    await sees(page, 'looked at');
    await keys(page, 'j', 'Enter');
    await sees(page, 'Lines around it');
    assert.deepEqual(await axeBoth(page), []);
    await keys(page, 'Escape', 'c');
    await sees(page, '8 events');
    assert.match(param(page, 'q'), /^event.id:".*" \| context 20$/);
    await page.close();
}, { timeout: 240e3 });

test('pipes make a table', { skip }, async () => {
    const page = await open(browser, at('page | stats count by source.ip'));
    await sees(page, '4 rows');
    const headers = await page.$$eval('[role=columnheader]', all => all.map(e => e.textContent));
    assert.deepEqual(headers.sort(), ['count', 'source.ip']);
    await page.close();
}, { timeout: 240e3 });

test('nothing found says what to try', { skip }, async () => {
    const page = await open(browser, at('nosuchword'));
    await sees(page, 'No event fits.');
    await role(page, 'link', 'Look in all time');
    assert.deepEqual(await axeBoth(page), []);
    await page.close();
}, { timeout: 240e3 });

test('[ and ] go earlier and later', { skip }, async () => {
    const page = await open(browser, at('page') + '&since=1h');
    await sees(page, 'events');
    await keys(page, '[');
    await until('an absolute range', async () => param(page, 'until'));
    const first = Date.parse(param(page, 'since'));
    await keys(page, ']');
    await until('half an hour later', async () => Math.abs(Date.parse(param(page, 'since')) - first - 1800e3) < 2000);
    await page.close();
}, { timeout: 240e3 });

test('the live tail shows what comes, and says when it could not show all', { skip }, async () => {
    const page = await open(browser, at('tailed'));
    await sees(page, 'No event fits.');
    await keys(page, 't');
    await until('the tail to run', () => page.$('[aria-pressed=true]'));
    w.append('access.log', request('192.0.2.1', '/tailed/first', 0));
    await sees(page, '/tailed/first', 20);
    w.append('access.log', request('192.0.2.1', '/tailed/second', -1));
    await until('the second on top', async () => (await firstRow(page)).includes('/tailed/second'), 20);
    await sees(page, 'live');
    w.append('access.log', Array.from({ length: 1500 }, (_, i) => request('192.0.2.1', `/tailed/burst${i}`, -2)).join(''));
    await sees(page, /came faster than could be shown/, 30);
    assert.match(await text(page), /partial/);
    await keys(page, 't');
    await page.close();
}, { timeout: 240e3 });

test('a search is kept by name in this browser', { skip }, async () => {
    const page = await open(browser, at('alice'));
    await sees(page, '3 events');
    await page.click('.drop summary');
    await page.type('.drop input', 'who is alice');
    await keys(page, 'Enter');
    await page.goto(`${w.url}#/search`);
    await page.click('.drop summary');
    await (await role(page, 'link', 'who is alice')).click();
    await until('the query', async () => param(page, 'q') === 'alice');
    await page.close();
}, { timeout: 240e3 });

test('a partial answer says why', { skip }, async () => {
    w.instead({ '/api/v1/query': '{"@timestamp":"2026-11-29T08:00:00.000000000Z","event":{"id":"00-1","original":"one line"},"dogwatch":{"stream":"00"}}\n' });
    const page = await open(browser, at('*'));
    await sees(page, 'the answer was cut off');
    await sees(page, 'one line');
    w.instead({});
    await page.close();
}, { timeout: 240e3 });

test('without its drawing the histogram is a table', { skip, timeout: 240e3 }, async () => {
    w.instead({ '/console/chart.js': '' });
    const page = await open(browser, at('*'));
    await sees(page, 'The chart could not be loaded; its numbers stand in the table.');
    assert.match(await page.$eval('.asTable table', e => e.innerText), /\d{4}-\d\d-\d\d \d\d:/);
    assert.deepEqual(await axeBoth(page), []);
    w.instead({});
    await page.close();
});
