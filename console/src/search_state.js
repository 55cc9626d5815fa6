/*
 * search_state: what a search asks and what came back.
 *
 * Idea: the histogram comes first. It says how many events there are and where, so the newest N are read from the bars that hold
 * them instead of sorting the whole range; rows are kept as the text they came in and parsed when they are looked at.
 *
 * Invariants:
 *   (1) A search that was overtaken is aborted and changes nothing.
 *   (2) `total` and `shown` tell what is not shown; nothing is left out in silence.
 *   (3) At most ROWS_MAX rows are held.
 *   (4) Lines of one instant (logs that write whole seconds have many) stand as in their file, the later one first.
 */
import { signal } from '@preact/signals';
import { lines, rows } from './api.js';
import { barSpan, instant, ms, rfc, spanMs } from './format.js';
import { split } from './query.js';

export const PAGE = 500, ROWS_MAX = 100000, TABLE_MAX = 10000;
const TAIL_MS = 2000, TAIL_PAGE = 500, TAIL_ROWS = 5000, TAIL_OVERLAP_MS = 10e3, DRAW_MS = 60, CACHE = 300;

export const bars = signal(null);         /* {list: [[ms, count]], span, since, until, total, answer} */
export const result = signal(null);       /* {kind: 'events' | 'table', columns, count, answer, took} */
export const version = signal(0);         /* grows when rows are added: the grid draws again */
export const error = signal(null);
export const busy = signal(false);
export const tail = signal(null);         /* {left, dropped, error} while it runs */
let texts = [], cache = new Map(), stop = null, timer = 0;

/* The row at `i`; null when there is none. */
export function row(i) {
    if (!(i in texts))
        return null;
    let got = cache.get(texts[i]);
    if (!got) {
        got = JSON.parse(texts[i]);
        cache.set(texts[i], got);
        if (cache.size > CACHE)
            cache.delete(cache.keys().next().value);
    }
    return got;
}

export function length() {
    return texts.length;
}

function reset() {
    texts = [];
    cache = new Map();
    version.value++;
}

/* Where the newest `want` events begin, by the bars; null: they are all. */
export function beginOf(list, want) {
    let sum = 0;
    for (let i = list.length - 1; i >= 0; i--) {
        sum += list[i][1];
        if (sum >= want)
            return i ? list[i][0] : null;
    }
    return null;
}

export function range(p, now = Date.now()) {
    const until = p.until ? instant(p.until, now) : now;
    return { since: p.since === 'all' ? NaN : instant(p.since || '24h', now), until };
}

const apiRange = p => ({ since: p.since === 'all' ? '' : p.since || '24h', until: p.until || '' });

async function histogram(p, filter, signal_) {
    const now = Date.now(), { since, until } = range(p, now);
    const ask = async (span, when) => {
        const got = await rows('/api/v1/histogram', { params: { filter: filter || '*', span, ...when }, signal: signal_ });
        return { got, span, list: got.rows.map(r => [ms(r['@timestamp']), r.count]) };
    };
    let h = await ask(Number.isNaN(since) ? '1d' : barSpan(until - since), apiRange(p));
    let from = since, to = until;
    if (Number.isNaN(since) && h.list.length) {
        from = h.list[0][0];
        to = Math.min(until, h.list[h.list.length - 1][0] + 86400e3);
        if (h.list.length <= 60)
            h = await ask(barSpan(to - from), { since: rfc(from), until: p.until || '' });
        from = h.list[0]?.[0] ?? from;
        to = Math.min(to, h.list[h.list.length - 1]?.[0] + spanMs(h.span) || to);
    }
    return { list: h.list, span: h.span, since: Number.isNaN(from) ? until - 86400e3 : from, until: to, total: h.list.reduce((sum, b) => sum + b[1], 0), answer: h.got.answer };
}

function columnsOf(first) {
    const names = new Set();
    for (const r of first)
        Object.keys(r).forEach(k => names.add(k));
    return [...names];
}

/* Rows are events when they have what makes an event; else they are a table, as stats and the like make it. */
function shape() {
    const first = texts.slice(0, 100).map(t => JSON.parse(t));
    const events = first.length > 0 && first.every(r => r.event?.id && r.dogwatch);
    return events ? { kind: 'events', columns: [] } : { kind: 'table', columns: columnsOf(first) };
}

async function read(params, signal_, began) {
    let drawn = 0, form = null;
    const put = (answer = null) => {
        drawn = performance.now();
        form = form?.kind === 'events' ? form : shape();
        result.value = { ...form, count: texts.length, answer, took: drawn - began };
        version.value++;
    };
    const answer = await lines('/api/v1/query', { params, signal: signal_ }, text => {
        texts.push(text);
        if (texts.length === 1 || (texts.length % 64 === 0 && performance.now() - drawn > DRAW_MS))
            put();
    });
    put(answer);
}

export async function run(p) {
    stop?.abort();
    clearTimeout(timer);
    const mine = stop = new AbortController(), began = performance.now(), { filter, pipes } = split(p.q);
    busy.value = true;
    error.value = tail.value = null;
    try {
        const h = await histogram(p, filter, mine.signal);
        bars.value = h;
        reset();
        const want = Math.min(ROWS_MAX, Number(p.n) || PAGE), from = pipes ? null : beginOf(h.list, want);
        const when = apiRange(p);
        await read(pipes ? { query: p.q, ...when, limit: TABLE_MAX }
            : { query: `${filter || '*'} | sort -@timestamp, -dogwatch.start | head ${want}`, ...when, since: from === null ? when.since : rfc(from) }, mine.signal, began);
    } catch (e) {
        if (e.name === 'AbortError' || mine !== stop)
            return;
        error.value = e;
        if (e.code === 'query')
            bars.value = result.value = null;
    }
    if (mine === stop)
        busy.value = false;
}

export function halt() {
    stop?.abort();
    clearTimeout(timer);
    tail.value = null;
    busy.value = false;
}

/* The most frequent values of a field in the range, counted by the collector over all events, not over the rows shown. */
export async function topOf(p, field) {
    const { filter } = split(p.q);
    const got = await rows('/api/v1/query', { params: { query: `${filter || '*'} | top 10 ${field}`, ...apiRange(p) } });
    return { values: got.rows.map(r => [r[field], r.count]), answer: got.answer };
}

/* How many events the filter takes from `from` to just before `to`. */
async function countBetween(filter, from, to, signal_) {
    const got = await rows('/api/v1/query', { params: { query: `${filter || '*'} | stats count`, since: rfc(from), until: rfc(to - 1).replace('Z', '999999Z') }, signal: signal_ });
    return got.rows[0]?.count || 0;
}

/* New events every two seconds, newest on top. Events are asked for by their own time: the overlap catches those a little late. What is
 * left out is all that there are since the beginning, less those that are shown: never a guess. */
export function follow(p) {
    const mine = stop, { filter } = split(p.q), newestOf = () => (texts.length ? ms(row(0)['@timestamp']) : Date.now() - TAIL_OVERLAP_MS);
    let known = new Set(texts.slice(0, TAIL_PAGE).map(t => JSON.parse(t).event.id)), since = newestOf() - TAIL_OVERLAP_MS, before = 0, shown = 0;
    while (shown < texts.length && ms(JSON.parse(texts[shown])['@timestamp']) >= since)
        shown++;
    tail.value = { left: 0, dropped: 0, error: null };
    const step = async () => {
        try {
            const from = Math.max(since, newestOf() - TAIL_OVERLAP_MS);
            before += from > since ? await countBetween(filter, since, from, mine.signal) : 0;
            since = from;
            const got = await rows('/api/v1/query', { params: { query: `${filter || '*'} | sort -@timestamp, -dogwatch.start | head ${TAIL_PAGE}`, since: rfc(since) }, signal: mine.signal });
            if (!tail.value || mine !== stop)
                return;
            const fresh = got.rows.filter(r => !known.has(r.event.id));
            known = new Set([...fresh.map(r => r.event.id), ...known].slice(0, 4 * TAIL_PAGE));
            texts = [...fresh.map(r => JSON.stringify(r)), ...texts];
            shown += fresh.length;
            const dropped = Math.max(0, texts.length - TAIL_ROWS);
            texts.length -= dropped;
            tail.value = { left: Math.max(0, before + got.answer.matched - shown), dropped: tail.value.dropped + dropped, error: null };
            if (fresh.length || !result.value)
                result.value = { ...(result.value || { took: 0, answer: null }), ...shape(), count: texts.length };
            version.value++;
        } catch (e) {
            if (!tail.value || mine !== stop)
                return;
            tail.value = { ...tail.value, error: e };
        }
        timer = setTimeout(step, TAIL_MS);
    };
    timer = setTimeout(step, 0);
}

export function unfollow() {
    clearTimeout(timer);
    tail.value = null;
}
