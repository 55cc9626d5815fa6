/* The triage page over a real collector: ten alerts by keyboard alone, and what it says when there is nothing, or no answer. */
import assert from 'node:assert/strict';
import os from 'node:os';
import { test } from 'node:test';
import { axeBoth, focused, keys, open, role, sees, text } from '../harness/page.mjs';
import { stage } from '../harness/stage.mjs';
import { sqlInjection, ssh, until, world } from '../harness/world.mjs';

let w, browser;

const skip = stage(async b => {
    browser = b;
    const access = Array.from({ length: 10 }, (_, i) => sqlInjection(`203.0.113.${i + 1}`, 900 - i)).join('');
    w = await world('alerts', { logs: { 'access.log': access }, events: 10, alerts: 10 });
    return w;
});

const workflows = async () => (await w.rows('/api/v1/alerts?limit=100')).map(a => ({ ip: a.source?.ip, ...a.workflow }));

test('ten alerts are triaged by keyboard alone', { skip }, async () => {
    const page = await open(browser, w.url);
    await role(page, 'grid', 'Alerts, the worst first');
    await sees(page, '10 alerts in 10 rows');
    await until('focus on the first row', async () => (await focused(page)).includes('203.0.113.10') || (await keys(page, 'Home'), false));

    await keys(page, 'a');                                     /* the first: mine */
    await sees(page, 'Taken: 1 alert. u undoes it.');
    await keys(page, 'j', 'x', 'j', 'x', 'j', 'x', 'e');       /* three: false positives */
    await sees(page, 'Closed as false positive: 3 alerts.');
    await sees(page, '7 alerts in 7 rows');
    await keys(page, 'u');                                     /* ... or not */
    await sees(page, 'Undone: Closed as false positive: 3 alerts.');
    await sees(page, '10 alerts in 10 rows');
    await keys(page, 'Home', 'j', 'x', 'j', 'x', 'j', 'x', 'e');
    await sees(page, '7 alerts in 7 rows');
    await keys(page, 'Home', 'j', 's');                        /* one: resolved */
    await role(page, 'menu');
    await keys(page, '2');
    await sees(page, 'Resolved: true positive: 1 alert.');
    await sees(page, '6 alerts in 6 rows');
    await keys(page, 'End', '*', 's', '3');                    /* all that is left: benign */
    await sees(page, 'Closed: benign: 6 alerts.');
    await sees(page, 'No open alerts in this range.');

    const now = await workflows();
    const of = (status, disposition) => now.filter(a => a.status === status && a.disposition === disposition).map(a => a.ip);
    assert.deepEqual(of('false_positive', 'false_positive').sort(), ['203.0.113.7', '203.0.113.8', '203.0.113.9']);
    assert.deepEqual(of('resolved', 'true_positive'), ['203.0.113.6']);
    assert.equal(of('closed', 'benign').length, 6);
    const changes = w.audit().filter(l => l.event === 'asked' && l.method === 'PATCH');
    assert.equal(changes.length, 1 + 3 + 3 + 3 + 1 + 6, 'each change is in the audit log');
    assert.equal(changes[0].who, os.userInfo().username);
    assert.match(changes[0].text, /in_progress/);
    assert.deepEqual(page.wrongs, []);
    await page.close();
}, { timeout: 240e3 });

test('a page with nothing to do says what to do', { skip }, async () => {
    const page = await open(browser, w.url);
    await sees(page, 'No open alerts in this range.');
    await sees(page, '10 alerts in the range are in another state.');
    await (await role(page, 'link', 'Show alerts in all states')).click();
    await sees(page, '10 alerts in 10 rows');
    await sees(page, 'closed as false positive 1×');
    assert.deepEqual(await axeBoth(page), []);
    await page.close();
}, { timeout: 240e3 });

test('f and F take the value under the cursor into the filter', { skip }, async () => {
    const page = await open(browser, `${w.url}#/alerts?view=all`);
    await sees(page, '10 alerts in 10 rows');
    await keys(page, 'Home', 'ArrowRight', 'ArrowRight', 'f');
    await until('the filter', async () => /filter=source.ip/.test(decodeURIComponent(page.url())));
    await sees(page, '1 alert in 1 row');
    await keys(page, 'F');
    await sees(page, 'No alert fits this filter.');
    await page.close();
}, { timeout: 240e3 });

test('a mistake in the filter is shown with its place', { skip }, async () => {
    const page = await open(browser, `${w.url}#/alerts?view=all`);
    await sees(page, '10 alerts in 10 rows');
    await keys(page, '/', 'type:rule.level:(', 'Enter');
    await sees(page, /filter:1:1\d: error/);
    await sees(page, 'write field:value');
    assert.deepEqual(await axeBoth(page), []);
    await page.close();
}, { timeout: 240e3 });

test('a partial answer is shown as one, with why', { skip }, async () => {
    w.instead({ '/api/v1/alerts': '{"answer":{"complete":false,"why":"the alert log has a damaged line","rows":0,"silenced":0,"notes":[]}}\n' });
    const page = await open(browser, w.url);
    await sees(page, 'partial');
    await sees(page, 'the alert log has a damaged line');
    w.instead({});
    await page.close();
}, { timeout: 240e3 });

test('a collector that does not answer: the error says what to look at, the rows stay', { skip }, async () => {
    const page = await open(browser, `${w.url}#/alerts?view=all`);
    await sees(page, '10 alerts in 10 rows');
    w.served.how.intercept = (req, res) => {
        res.destroy();
        return true;
    };
    await keys(page, 'r');
    await sees(page, 'The collector does not answer.');
    await sees(page, 'SQL injection');
    w.instead({});
    await (await role(page, 'button', 'Try again')).click();
    await until('the error to go', async () => !(await text(page)).includes('does not answer'));
    await page.close();
}, { timeout: 240e3 });

test('a change that fails goes back, is said, and stays said when the next one succeeds', { skip }, async () => {
    const page = await open(browser, `${w.url}#/alerts?view=all`);
    await sees(page, '10 alerts in 10 rows');
    w.served.how.intercept = (req, res) => req.method === 'PATCH'
        && Boolean(res.writeHead(503, { 'Content-Type': 'application/json' }).end('{"error":{"code":"unavailable","message":"the change was not taken up within 5 s","hint":"is the disk full?"}}'));
    await keys(page, 'Home', 'j', 'a');
    await sees(page, 'Taken: 1 of 1 alert not changed. the change was not taken up within 5 s is the disk full?');
    assert.ok(!(await focused(page)).includes('in progress'));
    assert.deepEqual(await axeBoth(page), []);
    w.instead({});
    await keys(page, 'a');
    await sees(page, 'Taken: 1 alert. u undoes it.');
    await sees(page, '1 of 1 alert not changed');
    await (await role(page, 'button', 'Dismiss')).click();
    await until('it to go', async () => !(await text(page)).includes('not changed'));
    await page.close();
}, { timeout: 240e3 });

test('alerts that come are said, and the cursor stays on its alert', { skip }, async () => {
    const page = await open(browser, `${w.url}#/alerts?view=all`);
    await sees(page, '10 alerts in 10 rows');
    await keys(page, 'Home', 'j', 'j');
    const about = async () => /source\.ip=\S+/.exec(await focused(page))?.[0];
    const before_ = 'source.ip=203.0.113.8';
    await until('the third row', async () => await about() === before_);
    w.append('auth.log', Array.from({ length: 12 }, (_, i) => ssh('Failed', 'root', '198.51.100.7', 0, 5000 + i)).join('') + ssh('Accepted', 'root', '198.51.100.7', -1, 6000));
    await until('the alert', async () => (await w.rows('/api/v1/alerts?limit=100')).some(a => a.rule.level === 'critical'), 60);
    await keys(page, 'r');
    await sees(page, /new alerts?, the newest/);
    assert.equal(await about(), before_);
    assert.match((await text(page)).replace(/\s+/g, ' '), /critical SSH login succeeded after brute force/);
    await page.close();
}, { timeout: 240e3 });

test('grouped alerts unfold, and an action on the group is for all', { skip }, async () => {
    w.append('access.log', Array.from({ length: 3 }, (_, i) => sqlInjection('192.0.2.77', 30 - i)).join(''));
    const mine = async () => (await w.rows('/api/v1/alerts?limit=100')).filter(a => a.source?.ip === '192.0.2.77');
    await until('three alerts', async () => (await mine()).length === 3, 60);
    const page = await open(browser, `${w.url}#/alerts?view=open&filter=${encodeURIComponent('source.ip:192.0.2.77')}`);
    await sees(page, '3 alerts in 1 row');
    await sees(page, '×3 ▸');
    await keys(page, 'Home', 'Enter');
    await until('four rows', async () => (await page.$$('tbody tr')).length === 4);
    assert.deepEqual(await axeBoth(page), []);
    await keys(page, 'Enter', 'a');
    await sees(page, 'Taken: 3 alerts. u undoes it.');
    assert.deepEqual((await mine()).map(a => `${a.workflow.status} ${a.workflow.assignee}`), Array(3).fill(`in_progress ${os.userInfo().username}`));
    await page.close();
}, { timeout: 240e3 });

test('what another one did to an alert is seen, also after an own change', { skip }, async () => {
    const page = await open(browser, `${w.url}#/alerts?view=all&filter=${encodeURIComponent('source.ip:203.0.113.3')}`);
    await sees(page, '1 alert in 1 row');
    await keys(page, 'a');
    await sees(page, 'Taken: 1 alert. u undoes it.');
    const [{ event }] = await w.rows('/api/v1/alerts?filter=source.ip:203.0.113.3');
    w.dogwatch('alert', 'status', event.id, 'resolved');
    await until('the change to be taken up', async () => (await w.rows('/api/v1/alerts?filter=source.ip:203.0.113.3'))[0].workflow.status === 'resolved');
    await keys(page, 'r');
    await until('it on the page', async () => /resolved/.test(await page.$eval('tbody', t => t.innerText)));
    await (await role(page, 'button', 'high')).click();
    await until('the level in the filter', async () => decodeURIComponent(page.url()).includes('rule.level:"high"'));
    await (await role(page, 'button', 'high')).click();
    await until('and out again', async () => !decodeURIComponent(page.url()).includes('rule.level'));
    await page.close();
}, { timeout: 240e3 });

test('? lists the keys of the page, and keys do nothing behind it', { skip }, async () => {
    const page = await open(browser, `${w.url}#/alerts?view=all`);
    await sees(page, 'complete');
    await keys(page, '?');
    await role(page, 'dialog', 'Keys');
    await sees(page, 'close as false positive');
    assert.deepEqual(await axeBoth(page), []);
    const before_ = w.asked().length;
    await keys(page, 'e', 'a', 'Escape');
    await until('the dialog to close', async () => !(await page.$('dialog')));
    assert.equal(w.asked().filter(a => a.method === 'PATCH').length, w.asked().slice(0, before_).filter(a => a.method === 'PATCH').length);
    await page.close();
}, { timeout: 240e3 });

test('the theme is chosen and kept; a page that is left is found again as it was', { skip }, async () => {
    const page = await open(browser, `${w.url}#/alerts?view=all`);
    await (await role(page, 'button', 'Theme: system')).click();
    await (await role(page, 'button', 'Theme: light')).click();
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
    await page.reload();
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
    await sees(page, 'complete');
    await keys(page, 'g', 's');
    await sees(page, 'What are you looking for?');
    await keys(page, 'g', 'a');
    await until('the view of before', async () => page.url().endsWith('view=all'));
    await page.close();
}, { timeout: 240e3 });
