/*
 * A morning that is known to the second: over a sealed archive and a fixed clock, on each page what an analyst would do there, what it says, and what
 * was asked for it by the API's audit log. An address tried everything at a web server, another one guessed its way in by ssh.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { axeBoth, keys, open as openAt, role, sees, text } from '../harness/page.mjs';
import { stage } from '../harness/stage.mjs';
import { missingStill, setClock, still } from '../harness/still.mjs';
import { until } from '../harness/world.mjs';

const INTRUDER = '203.0.113.77', SCANNER = '203.0.113.66';
let w, browser;

const skip = stage(async b => {
    browser = b;
    w = await still('still');
    return w;
}, 240, missingStill);
const options = { skip, timeout: 240e3 };
const open = (hash = '') => openAt(browser, w.url + hash, { init: setClock });
const rowsOf = table => table.evaluate(t => [...t.querySelectorAll('[role=row], tr')].map(r => [...r.children].map(c => c.innerText.trim())));

/* The page is sound, and these routes are in the audit log since `before`: what asks for events, changes or decides something. */
async function done(page, before, ...wanted) {
    assert.deepEqual(await axeBoth(page), []);
    assert.deepEqual(page.wrongs, []);
    await page.close();
    const asked = w.asked().slice(before).map(a => `${a.method} ${a.route}`);
    for (const route of wanted)
        assert.ok(asked.includes(route), `${route} in ${[...new Set(asked)]}`);
}

const before = () => w.audit().filter(l => l.event === 'asked').length;

test('alerts: the worst first; the intrusion is taken, what a scanner made noise with is closed', options, async () => {
    const from = before(), page = await open();
    const grid = await role(page, 'grid', 'Alerts, the worst first');
    await sees(page, '77 alerts in 12 rows');
    await sees(page, '◆ critical 4');
    const [, first] = await rowsOf(grid);
    assert.deepEqual(first.slice(1, 9), ['◆ critical', 'SSH login succeeded after brute force', `source.ip=${INTRUDER}`, '—', '2', '2026-01-02 11:46:40', '13 min', 'new']);
    await keys(page, 'Home', 'a');
    await sees(page, 'Taken: 1 alert. u undoes it.');
    await (await role(page, 'searchbox', 'Filter alerts')).type('rule.name:"Request of a scanner or attack tool"');
    await keys(page, 'Enter');
    await sees(page, '52 alerts in 2 rows');
    await keys(page, 'Home', '*', 's', '3');
    await sees(page, 'Closed: benign: 52 alerts.');
    assert.equal((await w.rows('/api/v1/alerts?limit=1000')).filter(a => a.workflow.disposition === 'benign').length, 52);
    await done(page, from, 'PATCH /api/v1/alerts/{id}');
});

test('alert: why, the lines that prove it, and the lines around one', options, async () => {
    const [alert] = (await w.rows('/api/v1/alerts?limit=1000')).filter(a => a.rule.name === 'SSH login succeeded after brute force');
    const from = before(), page = await open(`#/alert/${alert.event.id}`);
    await sees(page, 'SSH login succeeded after brute force');
    await sees(page, `sshd[3100]: Accepted password for root from ${INTRUDER} port 43100 ssh2`);
    await sees(page, '2 of 2 named events are in the archive');
    await sees(page, 'in progress');
    await (await role(page, 'textbox', 'Note')).type('root, by password, from an address that guessed');
    await page.keyboard.down('Control');
    await keys(page, 'Enter');
    await page.keyboard.up('Control');
    await sees(page, 'root, by password, from an address that guessed');
    await until('the note in the history', async () => (await w.rows(`/api/v1/alerts/${alert.event.id}/history`)).some(h => h.value === 'root, by password, from an address that guessed'));
    await done(page, from, 'PATCH /api/v1/alerts/{id}');
});

test('search: what the intruder did, by a filter and a pipe', options, async () => {
    const from = before(), page = await open(`#/search?q=${encodeURIComponent(`source.ip:${INTRUDER}`)}`);
    await sees(page, '25 events from 2026-01-01 12:00:00 to 2026-01-02 12:00:00 UTC, a bar is 30m');
    await sees(page, '2026-01-02 11:46:40.000');
    await sees(page, 'complete');
    await page.close();
    const piped = await open(`#/search?q=${encodeURIComponent(`source.ip:${INTRUDER} | stats count by event.outcome, user.name | sort -count, user.name`)}`);
    await sees(piped, 'event.outcome');
    await until('the three rows', async () => /failure\s+admin\s+12\s+failure\s+root\s+12\s+success\s+root\s+1\b/.test(await text(piped)));
    await done(piped, from, 'GET /api/v1/histogram', 'GET /api/v1/query');
});

test('entities: by risk, and one over time', options, async () => {
    const from = before(), page = await open('#/entity');
    await sees(page, 'By risk');
    await (await role(page, 'link', SCANNER)).click();
    await sees(page, SCANNER);
    for (const wanted of [/nginx\.access 12/, /alerts 33/, '2026-01-02 11:20:00', /\d+\.\d of 21 alerts/])
        await sees(page, wanted);
    await done(page, from, 'GET /api/v1/histogram', 'GET /api/v1/query');
});

test('rules: which hit, which were never tried', options, async () => {
    const from = before(), page = await open('#/rules');
    await sees(page, '77 alerts of 11 rules.');
    await sees(page, 'Over 1,182 events since the collector started');
    await sees(page, '▲ 19 rules were never tried');
    await (await role(page, 'button', 'SQL injection attempt in a request')).click();
    await sees(page, 'web_sql_injection.yml');
    await done(page, from);
});

test('ATT&CK: what rules look for, what was found', options, async () => {
    const from = before(), page = await open('#/attack');
    await sees(page, '20 techniques by 41 rules.');
    await sees(page, 'T1190 · 8 rules · 18 alerts');
    await (await role(page, 'link', 'T1110').catch(() => role(page, 'button', 'T1110'))).click();
    await sees(page, 'SSH brute force');
    await done(page, from);
});

test('agents and ledger: every byte accounted for', options, async () => {
    const from = before(), page = await open('#/ledger');
    await sees(page, 'web1');
    await sees(page, '/tmp/dogwatch-fixture/logs/access.log');
    const ledger = await w.rows('/api/v1/ledger');
    assert.deepEqual(ledger.map(s => [s.unaccounted, s.pending, s.read === s.archived]), [[0, 0, true], [0, 0, true]]);
    await done(page, from);
});

test('silence budget: what was left undone, and why', options, async () => {
    const from = before(), page = await open('#/budget');
    await role(page, 'region', 'Not done');
    const moved = (await w.rows('/api/v1/counters?zero=yes')).filter(c => c.kind === 'not_done' && c.value);
    assert.deepEqual(moved.map(c => [c.counter, c.value]), [['correlate_no_place', 6]]);
    await sees(page, 'there is no database (geoip.database)');
    await sees(page, /\d+ counters stand at 0/);
    await done(page, from);
});

test('archive: checked, held for a case, and released', options, async () => {
    const from = before(), page = await open('#/archive');
    await keys(page, 'v');
    await sees(page, '✓ Nothing was changed, taken out or moved at 2026-01-02 12:0');
    await sees(page, '2 segments, 9 frames, 1,182 events, 2 signatures hold.');
    await (await role(page, 'textbox', 'Hold')).type('case 1');
    await (await role(page, 'textbox', 'until')).type('2026-01-02T11:59:00Z');
    await page.keyboard.press('Enter');
    await sees(page, 'case 1 is in force.');
    await sees(page, '■ held');
    await (await role(page, 'button', 'Release case 1')).click();
    await (await role(page, 'button', 'Release for good case 1')).click();
    await sees(page, 'Nothing is held.');
    await done(page, from, 'POST /api/v1/archive/holds', 'POST /api/v1/archive/holds/release');
});

test('policies: the impact first, then the decision, then the text for the gateway', options, async () => {
    const from = before(), page = await open('#/policies');
    await (await role(page, 'button', SCANNER)).click();
    await sees(page, /would have hit 12 requests of the archive/);
    await (await role(page, 'button', 'Approve')).click();
    await sees(page, `${SCANNER} is active until`);
    await sees(page, `${SCANNER} 1;`);
    await (await role(page, 'button', 'Take back')).click();
    await sees(page, `${SCANNER} was taken back.`);
    await done(page, from, 'PATCH /api/v1/policies/{id}');
});
