/* The page of one alert over a real collector: why, marked parts, lines around, proof, notes; and that no note is lost when the session ends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { axeBoth, expire, keys, open, role, sees, text } from '../harness/page.mjs';
import { stage } from '../harness/stage.mjs';
import { request, sqlInjection, ssh, until, world } from '../harness/world.mjs';

let w, browser, injection, login;

const skip = stage(async b => {
    browser = b;
    const around = (from, n) => Array.from({ length: n }, (_, i) => request('198.51.100.20', `/products/${from + i}`, 900 - from - i)).join('');
    const auth = Array.from({ length: 130 }, (_, i) => ssh('Failed', 'root', '203.0.113.9', 300 - i, 4000 + i)).join('') + ssh('Accepted', 'root', '203.0.113.9', 100, 4999);
    w = await world('alert', { logs: { 'access.log': around(0, 12) + sqlInjection('203.0.113.5', 888) + around(13, 12), 'auth.log': auth }, events: 156, alerts: 3 });
    const rows = await until('the alerts to be at rest', async () => {
        const got = await w.rows('/api/v1/alerts');
        return got.some(a => a.rule.name === 'SSH brute force' && a.total > 100) && got;
    }, 60);
    injection = rows.find(a => a.source?.ip === '203.0.113.5');
    login = rows.find(a => a.rule.name === 'SSH brute force');
    return w;
});

const to = alert => `${w.url}#/alert/${alert.event.id}`;
const hits = page => page.$$eval('.lines .named .hit', all => all.map(e => e.textContent));

test('an analyst opens an alert by keys and sees why, where and what is around', { skip }, async () => {
    const page = await open(browser, `${w.url}#/alerts?filter=source.ip%3A203.0.113.5`);
    await role(page, 'grid', 'Alerts, the worst first');
    await sees(page, '1 alert in 1 row');
    await keys(page, 'Enter');
    await role(page, 'heading', 'Why it was raised');
    await sees(page, "url.original|urldecode|re|i: '");
    await until('the matched part, percent-encoded as it stands in the line, to be marked', async () =>
        (await hits(page)).join('') .includes("/products?id=1%27%20UNION%20SELECT%20login,password%20FROM%20users--"));
    await sees(page, '1 of 1 named events are in the archive');
    await sees(page, 'not proved here');
    await sees(page, '/products/11');                             /* the line before ... */
    await sees(page, '/products/13');                             /* ... and after */
    assert.ok(!(await text(page)).includes('/products/0 '), 'ten lines on each side, not twelve');
    await keys(page, ']');
    await sees(page, '/products/0 ');
    assert.equal((await page.$$('section[aria-labelledby=around] .named')).length, 1, 'the own line is told from those around it');
    await keys(page, 'o');
    await sees(page, 'user_agent.original');
    const asked = w.asked();
    assert.ok(asked.some(a => a.route.endsWith('/evidence')), 'the look at the evidence is in the audit log');
    assert.ok(asked.some(a => a.query === `event.id:"${injection.cause}" | context 10`), 'and so is the query for the lines around');
    assert.deepEqual(await axeBoth(page), []);
    assert.deepEqual(page.wrongs, []);
    await page.close();
}, { timeout: 240e3 });

test('a correlation shows its lines with the time between them, and says how many it does not name', { skip }, async () => {
    const page = await open(browser, to(login));
    await sees(page, /Events with source.ip = 203.0.113.9 reached/);
    await sees(page, '+1.0 s');
    const named = (login.first.length + login.last.length), left = login.total - named;
    if (left > 0)
        await sees(page, `${left} events between are counted, not named`);
    await until('keys of all lines marked', async () => (await hits(page)).filter(h => h === '203.0.113.9').length >= named);
    assert.deepEqual(await axeBoth(page), []);
    await page.close();
}, { timeout: 240e3 });

test('take, note, undo: all of it is in the history and in the audit log', { skip }, async () => {
    const page = await open(browser, to(injection));
    await sees(page, 'Nobody has said anything yet.');
    await keys(page, 'a');
    await sees(page, 'status: in progress');
    await keys(page, 'n', 'type:asked the owner: a pentest, see <b>mail</b>');
    await page.keyboard.down('Control');
    await keys(page, 'Enter');
    await page.keyboard.up('Control');
    await sees(page, 'The note is kept.');
    await sees(page, 'asked the owner: a pentest, see <b>mail</b>');
    await keys(page, 'Escape', 'u');
    await sees(page, 'Undone: Taken');
    const history = await w.rows(`/api/v1/alerts/${injection.event.id}/history`);
    assert.deepEqual(history.filter(h => h.field === 'status').map(h => h.value), ['in_progress', 'new']);
    assert.equal(history.find(h => h.field === 'note').value, 'asked the owner: a pentest, see <b>mail</b>');
    assert.ok(w.asked().some(a => a.method === 'PATCH' && a.note?.includes('a pentest')));
    await page.close();
}, { timeout: 240e3 });

test('a session that ends in the middle of a note loses none of it', { skip }, async () => {
    const page = await open(browser, to(injection));
    await role(page, 'heading', 'Notes and history');
    await sees(page, 'Undo u');
    await keys(page, 'n', 'type:half a thou');
    await expire(page);
    await keys(page, 'type:ght', 'Escape');
    await (await role(page, 'button', 'Add note')).click();
    await role(page, 'dialog', 'Sign in');
    await sees(page, 'dogwatch console');
    assert.deepEqual(await axeBoth(page), []);
    assert.equal(await page.$eval('textarea', t => t.value), 'half a thought');
    await page.type('input[name=code]', 'no-such-code');
    await keys(page, 'Enter');
    await sees(page, 'This code is wrong');
    await page.$eval('input[name=code]', i => {
        i.value = '';
    });
    await page.type('input[name=code]', `${w.url}#code=${w.code()}`);
    await keys(page, 'Enter');
    await sees(page, 'The note is kept.');                        /* the request went on by itself */
    assert.ok((await w.rows(`/api/v1/alerts/${injection.event.id}/history`)).some(h => h.value === 'half a thought'));
    await page.close();
}, { timeout: 240e3 });

test('a link with a code signs in, and the code leaves the address at once', { skip }, async () => {
    const page = await open(browser, `${w.url}#code=${w.code()}`, { signedIn: false });
    await role(page, 'grid', 'Alerts, the worst first');
    assert.ok(!page.url().includes('code='));
    await page.goBack().catch(() => null);
    assert.ok(!page.url().includes('code='));
    await page.close();
}, { timeout: 240e3 });

test('an alert that is not there says so', { skip }, async () => {
    const page = await open(browser, `${w.url}#/alert/ffffffff`);
    await sees(page, 'There is no such alert here.');
    await role(page, 'link', 'All alerts');
    await page.close();
}, { timeout: 240e3 });

test('what a detector found is a sentence: what is new, how much is too much, since when nothing came', { skip }, async () => {
    const base = { '@timestamp': '2026-11-29T10:00:05.000000000Z', raised: '2026-11-29T10:00:05.000000000Z', event: { kind: 'alert', id: 'ab'.repeat(32) }, rule: { id: 'd', name: 'a detector', level: 'low', tags: [] }, update: false,
        key: { 'user.name': 'a\u202eb' }, window: { start: '2026-11-29T10:00:00.000000000Z', end: '2026-11-29T10:00:05.000000000Z' }, about: '', value: 0, total: 96, first: [], last: [], workflow: { status: 'new', disposition: 'undetermined', assignee: '' } };
    const of = detector => w.instead({ [`/api/v1/alerts/${base.event.id}`]: JSON.stringify({ ...base, detector }) });
    const page = await open(browser, w.url);
    const at = `${w.url}#/alert/${base.event.id}`;
    for (const [detector, says] of [[{ type: 'new_value', feature: 'source.ip', value: ['203.0.113.9', '<b>x</b>'], baseline: 2 }, 'source.ip of user.name = a\\u202eb is 203.0.113.9, <b>x</b>, which is new: 2 other values were known'],
        [{ type: 'rare_value', feature: 'url.path', value: ['/x'], baseline: 12000, count: 3 }, '/x, which is rare: 3 of 12,000 events.'],
        [{ type: 'entropy_dga', feature: 'dns.question.name', value: ['xmambdaytivtt.example'], baseline: 70, count: 5, score: 82 }, 'which looks made up by a program: 82 of 100, told from 70 on; 5 such names in the window.'],
        [{ type: 'beacon', feature: 'interval', value: 60, baseline: 70, spread: 1.5, score: 96.5, spans: 300 }, 'every 60 s, give or take 1.5, over 300 gaps: a beacon by 96.5 of 100, told from 70 on.'],
        [{ type: 'impossible_travel', feature: 'source.ip', value: ['192.0.2.1', '203.0.113.9', 'Paris, FR', '<i>Sydney</i>, AU'], baseline: 1000, speed: 16959, km: 16959, seconds: 3600 }, '203.0.113.9 (<i>Sydney</i>, AU), and was 192.0.2.1 (Paris, FR) 3,600 s before: 16,959 km apart at least, which is 16,959 km/h; believed are 1,000.'],
        [{ type: 'heavy_hitter', feature: 'source.ip', value: ['192.0.2.1'], baseline: 200, count: 150 }, '192.0.2.1 takes 150 of 200 events in the span from'],
        [{ type: 'cardinality_spike', feature: 'url.path', value: 900, baseline: 12, spread: 3.4641, score: 256.3, spans: 60 }, '900 distinct values of url.path'],
        [{ type: 'rate_spike', feature: 'events', value: 540, baseline: 12, spread: 3.4641, score: 152.42, spans: 60 }, 'usual is 12, the median of the 60 spans before, give or take 3.46; that is 152 times away.'],
        [{ type: 'silence', feature: 'events', value: 0, baseline: 8.3333 }, 'usual was one every 8.33 s. 96 events were heard before']]) {
        of(detector);
        await page.goto(w.url);
        await sees(page, 'Alerts');
        await page.goto(at);
        await until(says, async () => (await text(page)).replace(/\s+/g, ' ').includes(says));
    }
    w.instead({ [`/api/v1/alerts/${base.event.id}`]: JSON.stringify({ ...base, calm: '2026-11-29T10:07:05.000000000Z', value: 3 }) });
    await page.goto(w.url);
    await sees(page, 'Alerts');
    await page.goto(at);
    await until('when it was calm', async () => /reached the rule's bound; 96 events in all.* At .*10:07:05.* it was calm: 3\./.test((await text(page)).replace(/\s+/g, ' ')));
    assert.deepEqual(await axeBoth(page), []);
    assert.deepEqual(page.wrongs, []);
    w.instead({});
    await page.close();
}, { timeout: 240e3 });
