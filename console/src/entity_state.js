/*
 * entity_state: all that the page of one entity shows: alerts about it, its events over time by what logged them, and what occurs beside it.
 */
import { rows } from './api.js';
import { barSpan, instant, ms, rfc, spanMs } from './format.js';
import { get } from './flat.js';
import { fill, list, part } from './parts.js';
import { term } from './query.js';

const ALERTS_MAX = 1000, LINES = 50, LANES_MAX = 8;
export const KINDS = ['source.ip', 'user.name', 'host.name', 'container.name', 'container.id'];
/* What is asked for beside each kind: who it was with, and what was done. */
const BESIDE = ['source.ip', 'user.name', 'host.name', 'container.name', 'url.path', 'process.name', 'event.outcome', 'http.response.status_code'];

/* "source.ip=203.0.113.9" as {kind, value}; null when it is none. */
export function parseId(id) {
    const at = id.indexOf('='), kind = id.slice(0, at);
    return at > 0 && at < id.length - 1 && /^[\w@][\w@.-]*$/.test(kind) ? { kind, value: usual(kind, id.slice(at + 1)) } : null;
}

/* An IPv6 address as logs write it; every other value as it is. */
export function usual(kind, value) {
    if (kind !== 'source.ip' || !/^[\da-f:.]*:[\da-f:.]*$/i.test(value))
        return value;
    try {
        return new URL(`http://[${value}]/`).hostname.slice(1, -1);
    } catch {
        return value;
    }
}

/* What finds its events: a network is no phrase. */
function filterOf(kind, value) {
    return kind.endsWith('.ip') && /^[\da-f:.]+\/\d{1,3}$/i.test(value) ? `${kind}:${value}` : term(kind, value);
}

export const idOf = (kind, value) => `${kind}=${value}`;

/* Lanes of a histogram by dataset: [{name, total, bars}], the busiest first; what is beyond LANES_MAX is added up in one. */
export function lanesOf(got, since, width, n) {
    const by = new Map();
    for (const r of got) {
        const name = String(get(r, 'event.dataset') ?? '') || '(no dataset)', at = Math.floor((ms(r['@timestamp']) - since) / width);
        const lane = by.get(name) || { name, total: 0, bars: Array(n).fill(0) };
        if (at >= 0 && at < n)
            lane.bars[at] += r.count;
        lane.total += r.count;
        by.set(name, lane);
    }
    const all = [...by.values()].filter(l => l.total).sort((a, b) => b.total - a.total || (a.name < b.name ? -1 : 1));
    if (all.length <= LANES_MAX)
        return all;
    const rest = { name: `${all.length - LANES_MAX + 1} others`, total: 0, bars: Array(n).fill(0) };
    for (const l of all.slice(LANES_MAX - 1)) {
        rest.total += l.total;
        l.bars.forEach((c, i) => {
            rest.bars[i] += c;
        });
    }
    return [...all.slice(0, LANES_MAX - 1), rest];
}

async function lanes(filter, since, until, n) {
    const span = barSpan(until - since, n), width = spanMs(span), from = Math.floor(since / width) * width, bars = Math.ceil((until - from) / width);
    const got = await rows('/api/v1/histogram', { params: { filter, span, by: 'event.dataset', since: rfc(from), until: rfc(until) } });
    return { value: { lanes: lanesOf(got.rows, from, width, bars), since: from, until, width, span, bars }, answer: got.answer };
}

export function make(kind, value, range) {
    const filter = filterOf(kind, value), now = Date.now(), since = instant(range, now);
    const s = { filter, since, until: now, alerts: part(), lanes: part(), span: part(), lines: part(), risk: part(), beside: part() };
    const query = (pipes, limit) => list('/api/v1/query', { query: `${filter} | ${pipes}`, since: range, limit });
    s.load = () => Promise.all([
        fill(s.alerts, () => list('/api/v1/alerts', { filter, since: range, limit: ALERTS_MAX })),
        fill(s.risk, () => list('/api/v1/entities', { filter, limit: 1000 })),
        fill(s.lanes, () => lanes(filter, since, now, 96)),
        fill(s.span, () => query('stats count, min(@timestamp) as first, max(@timestamp) as last')),
        fill(s.lines, () => query(`sort -@timestamp, -dogwatch.start | head ${LINES}`)),
        fill(s.beside, () => beside(query, kind)),
    ]);
    return s;
}

/* [[field, [[value, count]]]] of those that occur. */
async function beside(query, kind) {
    const fields = BESIDE.filter(f => f !== kind), got = [];
    for (const f of fields)
        got.push([f, await query(`where ${f}:* | top 5 ${f}`)]);
    const partial = got.find(([, g]) => !g.answer.complete);
    return { value: got.map(([f, g]) => [f, g.value.map(r => [get(r, f), r.count])]).filter(([, v]) => v.length), answer: partial ? partial[1].answer : got[0][1].answer };
}
