/*
 * search: look for events: a query, when they were, which fields they have, the lines themselves; then narrow it down.
 */
import { signal, useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { idOf, KINDS } from './entity_state.js';
import { flat, get, show } from './flat.js';
import { count, plural, rfc, utc } from './format.js';
import { html } from './html.js';
import { load, save } from './kept.js';
import { useKeys } from './keys.js';
import { add, place, quote, term } from './query.js';
import { go, link, route, setParams } from './route.js';
import { Chart } from './search_chart.js';
import { fieldsOf, Fields } from './search_fields.js';
import { cellOf, Grid } from './search_grid.js';
import { remember, Saved } from './search_saved.js';
import { bars, busy, error, follow, halt, length, PAGE, range, result, row, ROWS_MAX, run, tail, unfollow, version } from './search_state.js';
import { Empty, Failure, say, Text, Whole } from './ui.js';

const RANGES = [['15m', 'last 15 min'], ['1h', 'last hour'], ['24h', 'last 24 h'], ['7d', 'last 7 days'], ['30d', 'last 30 days'], ['all', 'all time']];
const EXAMPLES = [
    ['"Failed password"', 'a phrase in the line'],
    ['http.response.status_code:>=500', 'a field and a number'],
    ['source.ip:203.0.113.0/24 and not user.name:root', 'a network, and what is left out'],
    ['url.path:/admin/* or url.path:*.php', 'wildcards in words'],
    ['* | top 10 source.ip', 'a table: the most frequent values'],
    ['"Failed password" | stats count, dc(user.name) as users by source.ip', 'a table: who tried how many accounts'],
];
const cursor = signal(0), cell = signal(0), opened = signal(-1), columns = signal(load('columns', ['host.name', 'event.dataset']));

function params() {
    const p = route.value.params;
    return { q: p.q ?? '', since: p.since || (p.until ? '' : '24h'), until: p.until || '', n: p.n || '' };
}

function Bar({ p, failed }) {
    const text = useRef(), { since, until } = range(p);
    const known = !p.until && RANGES.some(r => r[0] === p.since);
    const where = failed?.code === 'query' ? place(failed.text) : null;
    useKeys({ '/': { does: 'query', run: () => text.current.focus() } }, { name: 'Search' });
    useEffect(() => {
        if (where && where.line === 1 && text.current) {
            text.current.focus();
            text.current.setSelectionRange(where.col - 1, where.col - 1 + where.length);
        }
    }, [failed]);
    return html`<form class="bar" role="search" onSubmit=${e => {
        e.preventDefault();
        const q = text.current.value.trim();
        remember(q || '*');
        text.current.blur();
        q === p.q ? run(p) : setParams({ q: q || '*', n: '' });
    }}>
        <label class="query"><span class="vh">Query</span><input ref=${text} type="search" value=${p.q} placeholder='words, "a phrase", field:value, and or not ( ), | stats count by field   ( / )'
            spellcheck=${false} autocomplete="off" aria-invalid=${where ? 'true' : undefined} aria-describedby=${where ? 'mistake' : undefined} /></label>
        <label><span class="vh">Range</span><select onChange=${e => e.target.value && setParams({ since: e.target.value, until: '', n: '' })}>
            ${!known && html`<option value="" selected>${p.since === '' || Number.isNaN(since) ? '…' : utc(Math.round(since))} – ${p.until ? utc(Math.round(until)) : 'now'}</option>`}
            ${RANGES.map(([v, t]) => html`<option value=${v} selected=${known && v === p.since}>${t}</option>`)}</select></label>
        <button type="submit">Search</button>
        <button type="button" aria-pressed=${tail.value !== null} onClick=${() => toggleTail(p)}>Live tail <kbd>t</kbd></button>
        <${Saved} p=${p} />
    </form>
    ${where ? html`<pre class="mistake" id="mistake" role="alert">${failed.text}</pre>` : html`<${Failure} error=${failed} retry=${() => run(p)} />`}`;
}

function Start() {
    return html`<${Empty} title="What are you looking for?"><p>A search begins with words of the line or with a field. Examples, in the last 24 hours:</p>
        <ul class="examples">${EXAMPLES.map(([q, is]) => html`<li><a href=${link('search', { q })}><code>${q}</code></a> <small>${is}</small></li>`)}</ul>
        <p class="dim"><a href=${link('search', { q: '*', since: '15m' })}><code>*</code></a> is everything of the last 15 minutes: the histogram shows where to look.</p></${Empty}>`;
}

function Nothing({ p }) {
    return html`<${Empty} title="No event fits."><ul>
        ${p.since !== 'all' && html`<li><a href=${link('search', { ...p, since: 'all', until: '' })}>Look in all time</a></li>`}
        <li>A word is looked for in the line; <code>*part*</code> with a field finds parts: <code>url.path:*admin*</code>.</li>
        <li>A field that no event has finds nothing: see which there are with <a href=${link('search', { ...p, q: '*' })}><code>*</code></a> and the list of fields.</li>
        <li><a href=${link('ledger')}>See whether logs arrive: Agents and ledger</a> <kbd>g l</kbd></li></ul></${Empty}>`;
}

function narrow(field, value, exclude) {
    setParams({ q: add(params().q, value === '' || value === null ? `${exclude ? '' : 'not '}${field}:*` : term(field, value, exclude)), n: '' });
}

function toggleColumn(name) {
    columns.value = columns.value.includes(name) ? columns.value.filter(c => c !== name) : [...columns.value, name];
    save('columns', columns.value);
}

function Detail({ event }) {
    const line = get(event, 'event.original');
    const near = line !== undefined && link('search', aroundParams(event));
    return html`<div class="opened"><p>${near && html`<a href=${near}>Lines around it</a> <kbd>c</kbd>`}</p>
        ${line !== undefined && html`<div class="whole-line"><${Text} text=${line} limit=${4000} /></div>`}
        <dl class="fields">${flat(event).filter(f => f[0] !== 'event.original').map(([name, value]) => html`<div><dt>${name}</dt><dd><${Text} text=${show(value)} limit=${1000} />
            <span class="act"><button type="button" class="small" aria-label=${`only ${name} ${show(value)}`} onClick=${() => narrow(name, Array.isArray(value) ? value[0] : value, false)}>only</button>
            <button type="button" class="small" aria-label=${`without ${name} ${show(value)}`} onClick=${() => narrow(name, Array.isArray(value) ? value[0] : value, true)}>without</button>
            ${KINDS.includes(name) && html`<a class="small" href=${link('entity', {}, idOf(name, String(value)))}>over time<span class="vh"> ${name} ${show(value)}</span></a> `}<button type="button" class="small" aria-pressed=${columns.value.includes(name)} onClick=${() => toggleColumn(name)}>column<span class="vh"> ${name}</span></button></span></dd></div>`)}</dl></div>`;
}

function aroundParams(event) {
    const t = Date.parse(event['@timestamp']);
    return { q: `event.id:${quote(event.event.id)} | context 20`, since: rfc(t - 3600e3), until: rfc(t + 3600e3) };
}

function toggleTail(p) {
    if (tail.value)
        return unfollow();
    if (p.until || /\|/.test(p.q))
        return say('A live tail is of a filter alone and goes on to now: take away the pipes and the end of the range.', { failed: true });
    cursor.value = 0;
    return follow(p);
}

function shift(d) {
    const { since, until } = range(params()), half = (until - since) / 2;
    if (Number.isNaN(since))
        return say('All time has no earlier and no later.');
    return setParams({ since: rfc(Math.round(since + d * half)), until: rfc(Math.round(until + d * half)), n: '' });
}

function zoomOut() {
    const { since, until } = range(params()), half = (until - since) / 2;
    if (!Number.isNaN(since))
        setParams({ since: rfc(Math.round(since - half)), until: rfc(Math.round(until + half)), n: '' });
}

function includeCell(shown, exclude) {
    const event = row(cursor.value), name = shown[cell.value], value = event && get(event, name);
    if (value === undefined || name === '@timestamp' || name === 'event.original')
        return say(`${name || 'Nothing'}: no value to filter by here. ← and → go to another column, Enter shows all fields.`);
    return narrow(name, Array.isArray(value) ? value[0] : value, exclude);
}

function keysOf(p, shown, total) {
    const move = to => {
        cursor.value = Math.max(0, Math.min(length() - 1, to)); /* 0 also while there are no rows yet */
    };
    const side = d => {
        cell.value = Math.min(shown.length - 1, Math.max(0, cell.value + d));
        if (row(cursor.value))
            say(`${shown[cell.value]}: ${cellOf(row(cursor.value), shown[cell.value]).slice(0, 80)}`, { about: 'cell' });
    };
    const open = () => {
        opened.value = opened.value === cursor.value ? -1 : cursor.value;
    };
    return {
        j: { does: 'next', shown: 'j ↓', run: () => move(cursor.value + 1) }, ArrowDown: { run: () => move(cursor.value + 1) },
        k: { does: 'previous', shown: 'k ↑', run: () => move(cursor.value - 1) }, ArrowUp: { run: () => move(cursor.value - 1) },
        PageDown: { run: () => move(cursor.value + 20) }, PageUp: { run: () => move(cursor.value - 20) }, Home: { run: () => move(0) }, End: { run: () => move(length() - 1) },
        h: { run: () => side(-1) }, ArrowLeft: { does: 'column to the left', shown: 'h ←', run: () => side(-1) },
        l: { run: () => side(1) }, ArrowRight: { does: 'column to the right', shown: 'l →', run: () => side(1) },
        Enter: { does: 'all fields of the row', shown: 'Enter o', run: open }, o: { run: open },
        Escape: { run: () => {
            opened.value = -1;
        } },
        f: { does: 'only those with the value of the cell', run: () => includeCell(shown, false) }, F: { does: 'without those', run: () => includeCell(shown, true) },
        '[': { does: 'earlier', run: () => shift(-1) }, ']': { does: 'later', run: () => shift(1) }, '-': { does: 'twice the time', run: zoomOut },
        c: { does: 'lines around it', run: () => row(cursor.value)?.event?.id && go(link('search', aroundParams(row(cursor.value)))) },
        t: { does: 'live tail', run: () => toggleTail(p) },
        m: { does: 'more rows', run: () => more(p, total) },
        r: { does: 'search again', run: () => run(p) },
    };
}

function more(p, total) {
    const n = Number(p.n) || PAGE;
    if (n < Math.min(total, ROWS_MAX))
        setParams({ n: Math.min(ROWS_MAX, n * 10) });
}

function Cost({ p, r, total }) {
    const a = r.answer, b = bars.value, n = r.count, t = tail.value;
    const left = r.kind === 'events' && total > n ? total - n : 0;
    const looked = (a?.events || 0) + (b?.answer?.events || 0);
    const shown = a && b?.answer && !b.answer.complete ? b.answer : a;
    return html`<${Whole} answer=${t ? { complete: !t.left && !t.dropped && !t.error, why: [t.left && `${plural(t.left, 'event')} came faster than could be shown: the oldest are left out`,
        t.dropped && `${plural(t.dropped, 'row')} left the end of the list`, t.error && t.error.message].filter(Boolean).join('; ') } : shown}>
        ${t && html`<b>live</b>`}
        <span>${r.kind === 'events' ? html`${left ? `the ${count(n)} newest of ${plural(total, 'event')}` : plural(n, 'event')}` : plural(n, 'row')}</span>
        ${!t && a && html`<span title="histogram and rows together">${plural(looked, 'event')} looked at, ${plural((a.frames || 0) + (b?.answer?.frames || 0), 'frame')} read, ${count(Math.round(r.took))} ms</span>`}
        ${!t && left > 0 && n < ROWS_MAX && html`<button type="button" onClick=${() => more(p, total)}>Show ${count(Math.min(total, ROWS_MAX, n * 10))} <kbd>m</kbd></button>`}
        ${t && html`<span>events that come late by more than 10 s in their own time are found by a search, not by the tail</span>`}
    </${Whole}>`;
}

function useSearch(p) {
    useEffect(() => {
        cursor.value = 0;
        opened.value = -1;
    }, [p.q, p.since, p.until]);
    useEffect(() => {
        if (p.q)
            run(p);
        else
            halt();
    }, [p.q, p.since, p.until, p.n]);
    useEffect(() => halt, []);
}

function Results({ p, r, shown, total }) {
    const v = version.value;
    const fields = useMemo(() => fieldsOf(row, length()), [r.answer, Math.min(v, 4)]);
    const grid = html`<${Grid} count=${length()} rowAt=${row} columns=${shown} names=${shown.map(c => ({ '@timestamp': 'Time (UTC)', 'event.original': 'Line' })[c] || c)} at=${cursor.value} cell=${cell.value}
        opened=${opened.value} label=${r.kind === 'events' ? 'Events, the newest first' : 'Rows'} onAt=${(i, k) => {
            cursor.value = i;
            cell.value = k ?? cell.value;
        }} onOpen=${i => {
            opened.value = opened.value === i ? -1 : i;
        }} detail=${event => html`<${Detail} event=${event} />`} />`;
    if (r.kind !== 'events')
        return grid;
    return html`<div class="results"><${Fields} p=${{ q: p.q, since: p.since, until: p.until }} fields=${fields} total=${total} columns=${columns.value} onTerm=${narrow} onColumn=${toggleColumn} />${grid}</div>`;
}

export function Search() {
    const p = params(), r = result.value, b = bars.value, total = b?.total || 0;
    useSearch(p);
    const shown = r?.kind === 'table' ? r.columns : ['@timestamp', ...columns.value, 'event.original'];
    useKeys(keysOf(p, shown, total), { name: 'Search' });
    const nothing = p.q && r && !r.count && r.answer && !tail.value && !error.value;
    return html`<main class="search" aria-label="Search"><h1 class="vh">Search</h1>
        <${Bar} p=${p} failed=${p.q ? error.value : null} key=${p.q} />
        ${!p.q && html`<${Start} />`}
        ${p.q && b && b.total > 0 && html`<${Chart} bars=${b} onZoom=${(since, until) => setParams({ since, until, n: '' })} />`}
        ${p.q && r && r.count > 0 && html`<${Results} p=${p} r=${r} shown=${shown} total=${total} />`}
        ${nothing && html`<${Nothing} p=${p} />`}
        ${p.q && busy.value && html`<p class="loading" role="status">Searching … <button type="button" onClick=${halt}>Stop</button></p>`}
        ${p.q && r && html`<${Cost} p=${p} r=${r} total=${total} />`}
    </main>`;
}
