/*
 * entity: who and what alerts are about, the greatest risk first; and one of them over time: a host, container, user or address.
 */
import { signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { idOf, KINDS, make, parseId, usual } from './entity_state.js';
import { Lanes } from './entity_lanes.js';
import { count, ms, plural, span, utc } from './format.js';
import { html } from './html.js';
import { useKeys } from './keys.js';
import { fillAll, list, part, reset, ROW_KEYS, Section, Sheet } from './parts.js';
import { add, term } from './query.js';
import { go, lastOf, link, route, setParams } from './route.js';
import { Empty, Level, Table, Text } from './ui.js';

const RANGES = [['1h', 'last hour'], ['24h', 'last 24 h'], ['7d', 'last 7 days'], ['30d', 'last 30 days']];
const entities = part(), loadedAt = signal(0);

const params = () => ({ since: route.value.params.since || '24h', kind: route.value.params.kind || '' });

function Ranges({ since }) {
    return html`<label><span class="vh">Range</span><select onChange=${e => setParams({ since: e.target.value })}>${RANGES.map(([v, t]) => html`<option value=${v} selected=${v === since}>${t}</option>`)}</select></label>`;
}

const COLUMNS = [['Risk', 'num'], ['Kind'], ['Who or what'], ['Worst'], ['Alerts', 'num'], ['Newest (UTC)'], ['Age']];

function row(e) {
    return { cells: [e.risk < 10 ? e.risk.toFixed(1) : count(Math.round(e.risk)), e.entity, html`<a href=${link('entity', { since: params().since }, idOf(e.entity, e.value))}><${Text} text=${e.value} limit=${200} /></a>`,
        html`<${Level} level=${e.level} />`, count(e.alerts), html`<time>${utc(e.last)}</time>`, span(Date.now() - ms(e.last))] };
}

function Entities() {
    const { since, kind } = params();
    const load = () => fillAll(loadedAt, [[entities, () => list('/api/v1/entities', { since: params().since })]]);
    useEffect(() => {
        reset(entities);
        load();
    }, [since]);
    const all = entities.value.value, shown = (all || []).filter(e => !kind || e.entity === kind);
    return html`<${Sheet} title="Entities" cls="entities" load=${load} at=${loadedAt}>
        <form class="bar" role="search" onSubmit=${e => {
            e.preventDefault();
            const { kind: k, value } = e.target.elements;
            if (value.value.trim())
                go(link('entity', { since }, idOf(k.value, usual(k.value, value.value.trim()))));
        }}><${Ranges} since=${since} />
            <label>Look at <select name="kind">${KINDS.map(k => html`<option>${k}</option>`)}</select></label>
            <label class="query"><span class="vh">Value</span><input type="search" name="value" placeholder="one of which no alert speaks: 203.0.113.9" spellcheck=${false} autocomplete="off" /></label><button type="submit">Open</button></form>
        <div class="counts" role="group" aria-label="Kinds">${KINDS.map(k => html`<button type="button" aria-pressed=${kind === k} onClick=${() => setParams({ kind: kind === k ? '' : k })}>${k} <b>${all ? count(all.filter(e => e.entity === k).length) : '…'}</b></button>`)}</div>
        <${Section} id="risk" title="By risk" note="points of the alerts about each, halved every day; silenced and false ones add none" part=${entities.value} load=${load} what="Adding up the alerts">
            ${shown.length > 0 && html`<${Table} label="Entities, the greatest risk first" columns=${COLUMNS} rows=${shown.map(row)} />`}
            ${all && !shown.length && html`<${Empty} title="No alert is about anybody here."><ul><li><button type="button" onClick=${() => setParams({ since: '30d', kind: '' })}>Look in the last 30 days, of every kind</button></li>
                <li>One of which no alert speaks can be looked at by its name, above.</li></ul></${Empty}>`}
        </${Section}></${Sheet}>`;
}

function Facts({ s, kind, value }) {
    const risk = (s.risk.value.value || []).find(e => e.entity === kind && e.value.toLowerCase() === value.toLowerCase()), seen = s.span.value.value?.[0];
    return html`<dl class="facts"><div><dt>Risk now</dt><dd>${risk ? html`<b>${risk.risk.toFixed(1)}</b> of ${plural(risk.alerts, 'alert')}, the worst <${Level} level=${risk.level} />` : s.risk.value.value ? '0: no alert is about it' : s.risk.value.error ? 'not known' : '…'}</dd></div>
        <div><dt>Events in the range</dt><dd>${seen ? count(seen.count) : s.span.value.error ? 'not known' : '…'}</dd></div><div><dt>First of them (UTC)</dt><dd>${seen?.first ? html`<time>${utc(seen.first)}</time>` : '—'}</dd></div>
        <div><dt>Last (UTC)</dt><dd>${seen?.last ? html`<time>${utc(seen.last)}</time>` : '—'}</dd></div></dl>`;
}

const ALERT_COLUMNS = [['Level'], ['Rule'], ['About'], ['Raised (UTC)'], ['Events', 'num'], ['Status']];

function alertRow(a) {
    return { cells: [html`<${Level} level=${a.rule?.level} />`, html`<a href=${link('alert', {}, a.event.id)}>${a.rule?.name}</a>`, html`<${Text} text=${a.about || ''} limit=${120} />`,
        html`<time>${utc(a.raised)}</time>`, count(a.total || 0), (a.workflow?.status || '').replace('_', ' ')] };
}

function Beside({ part: p, filter, since }) {
    const value = (field, v) => (KINDS.includes(field) ? link('entity', { since }, idOf(field, v)) : link('search', { q: add(filter, term(field, v)), since }));
    return html`<div class="beside">${(p.value || []).map(([field, top]) => html`<section aria-label=${field}><h3 class="mono">${field}</h3><ul>${top.map(([v, n]) => html`<li><a href=${value(field, v)}><${Text} text=${String(v)} limit=${80} more=${false} /></a> <small>${count(n)}</small></li>`)}</ul></section>`)}</div>`;
}

function Newest({ lines, filter, since }) {
    return html`<ol class="lines" aria-label="Newest lines">${lines.map(e => html`<li class="line"><span class="sign"></span><time>${utc(e['@timestamp'], 3)}</time><${Text} text=${e.event?.original} limit=${400} /></li>`)}</ol>
        <p><a href=${link('search', { q: filter, since })}>Search for all</a> <kbd>q</kbd></p>`;
}

function One({ kind, value }) {
    const { since } = params(), s = useMemo(() => make(kind, value, since), [kind, value, since]);
    useEffect(() => {
        s.load();
    }, [s]);
    useKeys({ ...ROW_KEYS, q: { does: 'search for its events', run: () => go(link('search', { q: s.filter, since })) }, r: { does: 'load again', run: s.load }, Escape: { does: 'back to the entities', run: () => go(lastOf('entity')) } }, { name: 'Entity' });
    const none = s.span.value.value && !s.span.value.value[0]?.count && s.alerts.value.value && !s.alerts.value.value.length, hits = s.alerts.value.value || [];
    return html`<main class="sheet entity" aria-label="Entity"><p class="back"><a href=${lastOf('entity')}>‹ Entities</a></p>
        <div class="bar"><h1><small>${kind}</small> <${Text} text=${value} limit=${300} /></h1><${Ranges} since=${since} /><a href=${link('search', { q: s.filter, since })}>Search for its events</a></div>
        <${Facts} s=${s} kind=${kind} value=${value} />
        ${none && html`<${Empty} title="Nothing names it in this range."><ul>${since !== '30d' && html`<li><button type="button" onClick=${() => setParams({ since: '30d' })}>Look in the last 30 days</button></li>`}
            <li>A value is compared whole and without regard to case.</li></ul></${Empty}>`}
        <${Section} id="time" title="Over time" note="a lane for each log that names it; a bar leads to its events" part=${s.lanes.value} load=${s.load} what="Counting events">${s.lanes.value.value && html`<${Lanes} of=${s.lanes.value.value} alerts=${hits} filter=${s.filter} />`}</${Section}>
        <${Section} id="alerts" title="Alerts" note="about it, the newest first" part=${s.alerts.value} load=${s.load} what="Looking for alerts">
            ${hits.length > 0 ? html`<${Table} label="Alerts about it" columns=${ALERT_COLUMNS} rows=${[...hits].reverse().map(alertRow)} />` : s.alerts.value.value && html`<p>No alert in this range is about it.</p>`}</${Section}>
        <${Section} id="beside" title="Beside it" note="the most frequent values in its events" part=${s.beside.value} load=${s.load} what="Counting values"><${Beside} part=${s.beside.value} filter=${s.filter} since=${since} /></${Section}>
        <${Section} id="newest" title="Newest lines" note="at most 50" part=${s.lines.value} load=${s.load} what="Reading lines">${s.lines.value.value?.length > 0 && html`<${Newest} lines=${s.lines.value.value} filter=${s.filter} since=${since} />`}</${Section}>
    </main>`;
}

export function Entity() {
    const one = route.value.id && parseId(route.value.id);
    if (route.value.id && !one)
        return html`<main class="sheet"><${Empty} title="This names no entity."><p>An address of this page is <code>#/entity/source.ip=203.0.113.9</code>. <a href=${link('entity')}>All entities</a></p></${Empty}></main>`;
    return one ? html`<${One} kind=${one.kind} value=${one.value} />` : html`<${Entities} />`;
}
