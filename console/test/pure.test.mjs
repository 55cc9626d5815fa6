/* What needs no browser: escapes, marks, queries, times, rows. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rowsOf, takes } from '../src/alerts_rows.js';
import { matrix } from '../src/attack_state.js';
import { lanesOf } from '../src/entity_state.js';
import { flat, get, show } from '../src/flat.js';
import { barSpan, bytes, instant, percent, span, utc } from '../src/format.js';
import { marksOf, partsOf } from '../src/marks.js';
import { add, place, quote, split, term, without } from '../src/query.js';
import { alertsByRule } from '../src/rules_state.js';
import { beginOf } from '../src/search_state.js';
import { pieces, plain } from '../src/visible.js';

test('what cannot be seen becomes its escape, and the pieces are the text', () => {
    const hostile = 'a\x1b[31mb\u202etxt.exe\u0000\u200b\u2066\ufeff\ud800 \u{e0041}\t\r\n\u009b';
    assert.equal(pieces(hostile).map(p => p.raw).join(''), hostile);
    assert.equal(pieces(hostile).map(p => p.text).join(''), 'a\\x1b[31mb\\u202etxt.exe\\x00\\u200b\\u2066\\ufeff\\ud800 \\u{e0041}\\t\\r\\n\\x9b');
    assert.equal(plain('é ☃ 漢 😀 א'), 'é ☃ 漢 😀 א', 'what has a shape stays');
});

test('marks keep their places, also across escapes', () => {
    const got = pieces('ab\x1bcd', [[1, 4]]);
    assert.deepEqual(got.filter(p => p.marked).map(p => p.raw), ['b', '\x1b', 'c']);
    assert.deepEqual(pieces('abc', [[2, 9]]).map(p => [p.raw, p.marked]), [['ab', false], ['c', true]]);
});

test('matched parts are found without case, as wholes, and percent-encoded', () => {
    const line = 'GET /?id=1%20UNION%20select HTTP from 10.0.0.1 and 110.0.0.1';
    assert.deepEqual(marksOf(line, ['/?ID=1 union SELECT']).map(([a, b]) => line.slice(a, b)), ['/?id=1%20UNION%20select']);
    assert.deepEqual(marksOf(line, ['10.0.0.1']), [[38, 46]], 'not inside of 110.0.0.1');
    assert.deepEqual(marksOf('aaa bbb', ['aaa', 'aaa bbb']), [[0, 7]], 'what overlaps is one');
    assert.deepEqual(partsOf([{ condition: "url.path|contains: 'etc/passwd'", holds: true, value: '/../etc/passwd' }, { condition: 'x', holds: false, value: 'y' }]), ['etc/passwd']);
    assert.equal(marksOf('x'.repeat(1e6), ['x y']).length, 0);
});

test('the bar that splits a query is not one in a phrase or a regex', () => {
    assert.deepEqual(split('a "b | c" /x|y/ | head 5 | tail 2'), { filter: 'a "b | c" /x|y/', pipes: 'head 5 | tail 2' });
    assert.deepEqual(split('/etc/passwd | head 1'), { filter: '/etc/passwd', pipes: 'head 1' });
    assert.deepEqual(split('a\\|b'), { filter: 'a\\|b', pipes: '' });
    assert.deepEqual(split('"a\\" | b"'), { filter: '"a\\" | b"', pipes: '' });
});

test('terms are quoted and joined so that they mean what was clicked', () => {
    assert.equal(quote('a "b" \\ *'), '"a \\"b\\" \\\\ *"');
    assert.equal(term('http.response.status_code', 404), 'http.response.status_code:404');
    assert.equal(add('', 'a:1'), 'a:1');
    assert.equal(add('*', 'a:1'), 'a:1');
    assert.equal(add('x or y | head 3', 'a:1'), '(x or y) and a:1 | head 3');
    assert.equal(add('x and a:1', 'a:1'), 'x and a:1', 'not twice');
    assert.equal(without(add('x or y', 'a:1'), 'a:1'), '(x or y)');
    assert.equal(without('a:1', 'a:1'), '');
    assert.equal(without('b:2 and a:1 and c:3', 'a:1'), 'b:2 and c:3');
    assert.equal(without('b:2', 'a:1'), 'b:2');
    assert.equal(term('user.name', 'root', true), 'not user.name:"root"');
});

test('errors of the API point into the text', () => {
    assert.deepEqual(place('query:1:10: error: a term is missing here\n    1 | foo and (\n      |          ^^\n'), { line: 1, col: 10, length: 2 });
    assert.equal(place('no place'), null);
});

test('times are UTC and are not rounded', () => {
    assert.equal(utc('2026-11-29T08:26:13.123456789Z', 3), '2026-11-29 08:26:13.123');
    assert.equal(utc('2026-11-29T08:26:13Z', 3), '2026-11-29 08:26:13.000');
    assert.equal(span(59999), '59 s');
    assert.equal(span(47 * 3600e3), '47 h');
    assert.equal(instant('15m', 1e6), 1e6 - 900e3);
    assert.ok(Number.isNaN(instant('soon')));
    assert.equal(barSpan(24 * 3600e3), '30m');
    assert.equal(percent(1, 1000), '<1 %');
    assert.equal(percent(999, 1000), '99 %');
    assert.equal(bytes(1536), '1.5 KiB');
});

test('the newest events are read from the bars that hold them', () => {
    assert.equal(beginOf([[0, 5], [1, 5], [2, 5]], 7), 1);
    assert.equal(beginOf([[0, 5], [1, 5], [2, 5]], 15), null);
    assert.equal(beginOf([[0, 5]], 500), null);
});

test('events are flattened to the names that queries use', () => {
    assert.deepEqual(flat({ a: { b: 1, c: ['x'] }, d: null }), [['a.b', 1], ['a.c', ['x']], ['d', null]]);
    assert.equal(get({ 'source.ip': 'x' }, 'source.ip'), 'x');
    assert.equal(get({ a: { 'b.c': 2 } }, 'a.b.c'), 2);
    assert.equal(get({ a: 1 }, 'a.b'), undefined);
    assert.equal(get({ a: {} }, 'a.constructor'), undefined);
    assert.equal(show(['a', 1]), 'a, 1');
});

test('alerts are grouped by rule and what they are about, the worst first', () => {
    const one = (id, level, about, t) => ({ event: { id }, rule: { id: `r-${level}`, level, name: level }, about, '@timestamp': `2026-01-01T00:00:0${t}Z`, raised: '', total: 2, workflow: { status: 'new' } });
    const list = [one('1', 'low', 'x', 1), one('2', 'critical', 'x', 2), one('3', 'low', 'x', 3), one('4', 'low', 'y', 9)];
    const rows = rowsOf(list);
    assert.deepEqual(rows.map(r => r.alerts.map(a => a.event.id)), [['2'], ['4'], ['1', '3']]);
    assert.equal(rows[2].events, 4);
    const open = rowsOf(list, { opened: new Set([rows[2].id]) });
    assert.deepEqual(open.slice(2).map(r => r.alerts.length), [2, 1, 1]);
    assert.equal(rowsOf(list, { grouped: false }).length, 4);
    assert.ok(takes('mine', { status: 'in_progress', assignee: 'me' }, 'me') && !takes('open', { status: 'closed' }, 'me'));
});

test('a technique stands below the tactics that it serves and its rule tags', () => {
    const rule = (id, ...tags) => ({ id, tags, matched: 1 });
    const { columns, unmapped } = matrix([rule('a', 'attack.initial_access', 'attack.execution', 'attack.t1059.004'), rule('b', 'attack.impact', 'attack.t1083'), rule('c', 'attack.stealth', 'attack.t9999'), rule('d', 'cve.2021-44228'),
        rule('e', 'attack.t9998')], new Map([['a', 3]]));
    const where = id => columns.filter(c => c.cells.some(t => t.id === id)).map(c => c.id);
    assert.deepEqual(where('t1059'), ['execution']);
    assert.deepEqual(where('t1083'), ['discovery'], 'its own, where the rule tags none of them');
    assert.deepEqual([where('t9999'), where('t9998')], [['stealth'], ['']]);
    assert.deepEqual(unmapped.map(r => r.id), ['d']);
    const [cell] = columns.find(c => c.id === 'execution').cells;
    assert.deepEqual([cell.name, cell.alerts, [...cell.sub]], ['Command interpreter', 3, ['t1059.004']]);
});

test('alerts by rule and day', () => {
    const now = Date.parse('2026-11-29T12:00:00Z'), at = hours => ({ rule: { id: 'r' }, raised: new Date(now - hours * 3600e3).toISOString() });
    assert.deepEqual(alertsByRule([at(1), at(23), at(25), at(150)], now).get('r'), { day: [1, 0, 0, 0, 0, 1, 2], week: 4, last: now - 3600e3 });
});

test('lanes: the busiest first, the rest in one, and nothing lost', () => {
    const rows = Array.from({ length: 12 }, (_, i) => ({ '@timestamp': new Date(60e3 * (i % 3)).toISOString(), count: i + 1, 'event.dataset': `d${i}` }));
    const lanes = lanesOf(rows, 0, 60e3, 3);
    assert.equal(lanes.length, 8);
    assert.equal(lanes[0].name, 'd11');
    assert.equal(lanes[7].name, '5 others');
    assert.equal(lanes.reduce((n, l) => n + l.total, 0), 78);
    assert.equal(lanes.reduce((n, l) => n + l.bars.reduce((a, b) => a + b), 0), 78);
});
