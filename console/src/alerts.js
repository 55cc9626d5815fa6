/*
 * alerts: the triage page: what is open, the worst first; take it, close it or open it without leaving the keys.
 *
 * Invariant: the cursor is on a row by id, not by number: alerts that come or go do not move it to another alert.
 */
import { signal, useComputed, useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { answer, alerts, closedFalse, error, load, loadClosed, loaded, refresh } from './alerts_state.js';
import { common, countByLevel, keyOf, rowsOf, takes } from './alerts_rows.js';
import { closeFalse, statusMenu, take, undo, workflowOf } from './changes.js';
import { count, ms, plural, span, utc } from './format.js';
import { html } from './html.js';
import { useKeys } from './keys.js';
import { add, term, without } from './query.js';
import { go, link, route, setParams } from './route.js';
import { session } from './session.js';
import { Empty, Failure, Level, LEVELS, Menu, say, STATUS_TEXT, Text, Whole } from './ui.js';

const REFRESH_MS = 10e3;
const RANGES = [['1h', 'last hour'], ['24h', 'last 24 h'], ['7d', 'last 7 days'], ['30d', 'last 30 days'], ['all', 'all time']];
const VIEWS = [['open', 'open'], ['mine', 'mine'], ['done', 'done'], ['all', 'all']];
const COLUMNS = ['Level', 'Rule', 'About', 'Host', 'Events', 'Newest (UTC)', 'Age', 'Status', 'Assignee'];

/* What a cell stands for in the filter, for f and F; null: nothing. */
const CELL_TERM = [
    a => ['rule.level', a.rule?.level], a => ['rule.name', a.rule?.name], a => aboutTerm(a), a => ['host.name', a.host?.name], () => null, () => null,
    () => null, a => ['status', workflowOf(a).status], a => ['assignee', workflowOf(a).assignee],
];

export function aboutTerm(alert) {
    const m = /^([\w.]+)=([^,]*)/.exec(alert.about || '');
    return m && [m[1], m[2]];
}

/* Kept while other pages are looked at, so that coming back finds the same place. */
const cursor = signal(''), cell = signal(0), selected = signal(new Set()), opened = signal(new Set());

function params() {
    const p = route.value.params;
    return { filter: p.filter || '', since: p.since || '24h', view: p.view || 'open', grouped: p.group !== 'no', silenced: p.silenced || '' };
}

function useRows() {
    return useComputed(() => {
        const { view, grouped } = params();
        const taken = alerts.value.filter(a => takes(view, workflowOf(a), session.value?.who));
        return { taken, rows: rowsOf(taken, { grouped, opened: opened.value }) };
    });
}

function Bar({ p }) {
    const text = useRef();
    useKeys({ '/': { does: 'filter', run: () => text.current.focus() } }, { name: 'Alerts' });
    return html`<form class="bar" role="search" onSubmit=${e => {
        e.preventDefault();
        setParams({ filter: text.current.value.trim() });
        text.current.blur();
    }}>
        <label class="query"><span class="vh">Filter alerts</span>
            <input ref=${text} type="search" value=${p.filter} placeholder='rule.level:high and source.ip:203.0.113.0/24   ( / )' spellcheck=${false} autocomplete="off" /></label>
        <label><span class="vh">Range</span><select value=${p.since} onChange=${e => setParams({ since: e.target.value })}>
            ${RANGES.map(([v, t]) => html`<option value=${v} selected=${v === p.since}>${t}</option>`)}</select></label>
        <label><span class="vh">Which alerts</span><select value=${p.view} onChange=${e => setParams({ view: e.target.value })}>
            ${VIEWS.map(([v, t]) => html`<option value=${v} selected=${v === p.view}>${t}</option>`)}</select></label>
        <label class="check"><input type="checkbox" checked=${p.grouped} onChange=${e => setParams({ group: e.target.checked ? '' : 'no' })} /> group</label>
    </form>`;
}

function Counts({ taken }) {
    const counts = countByLevel(taken), { filter } = params(), one = level => term('rule.level', level), has = level => without(filter, one(level)) !== filter;
    return html`<div class="counts" role="group" aria-label="Alerts by level">
        ${LEVELS.map(level => html`<button type="button" disabled=${!counts[level] && !has(level)} aria-pressed=${has(level)} title=${has(level) ? 'all levels' : `only ${level}`}
            onClick=${() => setParams({ filter: has(level) ? without(filter, one(level)) : add(filter, one(level)) })}>
            <${Level} level=${level} /> <b>${count(counts[level])}</b></button>`)}
    </div>`;
}

function About({ row }) {
    const of = common(row.alerts, a => a.about || '');
    const closed = closedFalse.value.get(keyOf(row.newest));
    return html`<${Text} text=${of || '—'} limit=${120} more=${false} />${closed && html` <small class="hint" title="alerts of this rule about the same">closed as false positive ${closed}×</small>`}`;
}

function cellsOf(row) {
    const status = common(row.alerts, a => STATUS_TEXT[workflowOf(a).status] || workflowOf(a).status);
    return [
        html`<${Level} level=${row.level} />`,
        html`<span class="name">${row.newest.rule?.name}</span>${row.alerts.length > 1 && html` <b class="times" title="alerts in this group">×${row.alerts.length} ${opened.value.has(row.id) ? '▾' : '▸'}</b>`}`,
        html`<${About} row=${row} />`,
        common(row.alerts, a => a.host?.name || '—'),
        count(row.events),
        html`<time datetime=${row.newest['@timestamp']}>${utc(row.newest['@timestamp'])}</time>`,
        span(Date.now() - ms(row.newest['@timestamp'])),
        html`<span class=${`status status-${workflowOf(row.newest).status}`}>${status}</span>`,
        common(row.alerts, a => workflowOf(a).assignee) || '—',
    ];
}

function Row({ row, index, at, marked, onOpen, onMark }) {
    const ref = useRef();
    useEffect(() => {
        if (!at)
            return;
        const active = document.activeElement;
        if (active === document.body || active?.closest('[role=grid]'))
            ref.current.focus({ preventScroll: true });
        ref.current.scrollIntoView({ block: 'nearest' });
    }, [at]);
    const group = row.alerts.length > 1 ? `, a group of ${row.alerts.length}, ${opened.value.has(row.id) ? 'unfolded' : 'folded'}` : '';
    const name = `${row.level} ${row.newest.rule?.name}, ${row.newest.about || ''}${group}`;
    return html`<tr ref=${ref} role="row" aria-rowindex=${index + 2} aria-selected=${marked} aria-label=${name} tabindex=${at ? 0 : -1}
        class=${`${at ? 'at' : ''} ${row.within ? 'within' : ''}`} onClick=${() => {
            cursor.value = row.id;
        }} onDblClick=${onOpen}>
        <td role="gridcell" class="mark"><input type="checkbox" tabindex="-1" aria-label=${`select ${name}`} checked=${marked} onClick=${onMark} /></td>
        ${cellsOf(row).map((c, i) => html`<td role="gridcell" data-label=${COLUMNS[i]} class=${`c${i} ${at && cell.value === i ? 'cell-at' : ''}`}
            onClick=${() => {
                cell.value = i;
            }}>${i === 1 ? html`<a tabindex="-1" href=${link('alert', {}, row.newest.event.id)} onClick=${e => {
                e.preventDefault();
                onOpen();
            }}>${c}</a>` : c}</td>`)}
    </tr>`;
}

function Nothing({ p, total }) {
    const wider = p.since === '24h' || p.since === '1h' ? '7d' : 'all';
    return html`<${Empty} title=${p.filter ? 'No alert fits this filter.' : `No ${p.view === 'all' ? '' : `${p.view} `}alerts in this range.`}>
        <p>${total ? `${plural(total, 'alert')} in the range ${total === 1 ? 'is' : 'are'} in another state.` : p.filter ? 'Nothing that fits was raised in the range.' : 'Nothing was raised in the range.'}</p>
        <ul>
            ${total > 0 && html`<li><a href=${link('alerts', { ...p, group: '', view: 'all' })}>Show alerts in all states</a></li>`}
            ${p.since !== 'all' && html`<li><a href=${link('alerts', { ...route.value.params, since: wider })}>Look further back: ${RANGES.find(r => r[0] === wider)[1]}</a></li>`}
            ${p.filter && html`<li><a href=${link('alerts', { ...route.value.params, filter: '' })}>Take the filter away</a></li>`}
            <li><a href=${link('ledger')}>See whether logs arrive: Agents and ledger</a> <kbd>g l</kbd></li>
        </ul></${Empty}>`;
}

/* The alerts that an action is for: those that are selected, else those of the row under the cursor. */
function targets(rows) {
    if (selected.value.size)
        return alerts.value.filter(a => selected.value.has(a.event.id));
    return rows.find(r => r.id === cursor.value)?.alerts || [];
}

function toggle(row) {
    const next = new Set(selected.value), ids = row.alerts.map(a => a.event.id), all = ids.every(id => next.has(id));
    for (const id of ids)
        all ? next.delete(id) : next.add(id);
    selected.value = next;
}

function open(row) {
    if (!row)
        return;
    if (row.alerts.length === 1)
        return go(link('alert', {}, row.alerts[0].event.id));
    const next = new Set(opened.value);
    next.has(row.id) ? next.delete(row.id) : next.add(row.id);
    opened.value = next;
}

function include(rows, exclude) {
    const row = rows.find(r => r.id === cursor.value), pair = row && CELL_TERM[cell.value](row.newest);
    if (!pair || pair[1] === undefined || pair[1] === '')
        return say(`${COLUMNS[cell.value]} is nothing to filter by: ← and → go to another column.`);
    return setParams({ filter: add(params().filter, term(pair[0], pair[1], exclude)) });
}

function shift(d) {
    const at = RANGES.findIndex(r => r[0] === params().since);
    setParams({ since: RANGES[Math.min(RANGES.length - 1, Math.max(0, at + d))][0] });
}

function moveCell(rows, d) {
    cell.value = Math.min(COLUMNS.length - 1, Math.max(0, cell.value + d));
    const shown = document.querySelector('tr.at .cell-at, tr.at')?.closest('tr')?.cells[cell.value + 1]?.textContent;
    say(`${COLUMNS[cell.value]}: ${shown || ''}`, { about: 'cell' });
}

function keysOf(rows, menu) {
    const at = () => rows.findIndex(r => r.id === cursor.value); /* asked at each key: keys come faster than pages are drawn */
    const move = to => {
        const row = rows[Math.min(rows.length - 1, Math.max(0, to))];
        cursor.value = row?.id || '';
    };
    const act = (does, doIt) => ({ does, run: () => {
        const list = targets(rows);
        if (!list.length)
            return say('No alert is under the cursor.');
        doIt(list);
        return undefined;
    } });
    const finish = list => {
        const next = rows[at() + 1] || rows[at() - 1];
        const gone = params().view === 'open' || params().view === 'mine';
        closeFalse(list);
        if (gone && list.some(a => rows[at()]?.alerts.includes(a)))
            cursor.value = next?.id || '';
        selected.value = new Set();
    };
    return {
        j: { does: 'next', shown: 'j ↓', run: () => move(at() + 1) }, ArrowDown: { run: () => move(at() + 1) },
        k: { does: 'previous', shown: 'k ↑', run: () => move(at() - 1) }, ArrowUp: { run: () => move(at() - 1) },
        Home: { run: () => move(0) }, End: { run: () => move(rows.length - 1) },
        h: { run: () => moveCell(rows, -1) }, ArrowLeft: { does: 'column to the left', shown: 'h ←', run: () => moveCell(rows, -1) },
        l: { run: () => moveCell(rows, 1) }, ArrowRight: { does: 'column to the right', shown: 'l →', run: () => moveCell(rows, 1) },
        Enter: { does: 'open; a group: unfold', shown: 'Enter o', run: () => open(rows[at()]) }, o: { run: () => open(rows[at()]) },
        x: { does: 'select', run: () => at() >= 0 && toggle(rows[at()]) },
        '*': { does: 'select all that are shown', run: () => {
            selected.value = new Set(selected.value.size ? [] : rows.flatMap(r => r.alerts.map(a => a.event.id)));
        } },
        Escape: { run: () => {
            selected.value = new Set();
        } },
        a: act('take: in progress, and mine', list => {
            take(list);
            selected.value = new Set();
        }),
        s: act('status …', list => {
            menu.value = list;
        }),
        e: act('close as false positive', finish),
        u: { does: 'undo', run: undo },
        f: { does: 'only those with the value of the cell', run: () => include(rows, false) },
        F: { does: 'without those', run: () => include(rows, true) },
        '[': { does: 'look further back', run: () => shift(1) }, ']': { does: 'look less far back', run: () => shift(-1) },
        r: { does: 'load again', run: () => load(params()) },
    };
}

function useLoad(p) {
    const asked = useRef(false);
    useLayoutEffect(() => { /* before the page is painted: what is asked for now is here when it has been */
        const first = load(p);
        if (!asked.current)
            first.then(loadClosed); /* a hint: it waits for the rows */
        asked.current = true;
        let times = 0; /* others change old alerts as well: every sixth time all of them are asked for */
        const timer = setInterval(() => document.visibilityState === 'visible' && (++times % 6 ? refresh(p) : load(p)), REFRESH_MS);
        return () => clearInterval(timer);
    }, [p.filter, p.since, p.silenced]);
}

function Selected({ rows, menu }) {
    const list = targets(rows);
    return html`<div class="actions" role="toolbar" aria-label="What to do with the alerts">
        <span>${selected.value.size ? `${plural(selected.value.size, 'alert')} selected` : list.length ? `${plural(list.length, 'alert')} under the cursor` : 'no alert'}</span>
        <button type="button" disabled=${!list.length} onClick=${() => take(list)}>Take <kbd>a</kbd></button>
        <button type="button" disabled=${!list.length} onClick=${() => {
            menu.value = list;
        }}>Status <kbd>s</kbd></button>
        <button type="button" disabled=${!list.length} onClick=${() => {
            closeFalse(list);
            selected.value = new Set();
        }}>False positive <kbd>e</kbd></button>
        <button type="button" onClick=${undo}>Undo <kbd>u</kbd></button>
    </div>`;
}

export function Alerts() {
    const p = params(), { taken, rows } = useRows().value, menu = useSignal(null);
    useLoad(p);
    if (rows.length && !rows.some(r => r.id === cursor.value))
        cursor.value = rows[0].id;
    useKeys(keysOf(rows, menu), { name: 'Alerts' });
    const ready = loaded.value !== '';
    return html`<main class="alerts" aria-label="Alerts">
        <h1 class="vh">Alerts</h1>
        <${Bar} p=${p} key=${p.filter} />
        <${Failure} error=${error.value} retry=${() => load(p)} />
        <${Counts} taken=${taken} />
        <${Selected} rows=${rows} menu=${menu} />
        ${rows.length > 0 && html`<div class="scroll"><table role="grid" aria-label="Alerts, the worst first" aria-rowcount=${rows.length + 1} aria-multiselectable="true">
            <thead><tr role="row"><th role="columnheader"><span class="vh">Selected</span></th>${COLUMNS.map((c, i) => html`<th role="columnheader" class=${`c${i}`}>${c}</th>`)}</tr></thead>
            <tbody>${rows.map((row, i) => html`<${Row} key=${row.id + (row.within || '')} row=${row} index=${i} at=${row.id === cursor.value}
                marked=${row.alerts.every(a => selected.value.has(a.event.id))} onOpen=${() => open(row)} onMark=${() => toggle(row)} />`)}</tbody>
        </table></div>`}
        ${!rows.length && ready && !error.value && html`<${Nothing} p=${p} total=${alerts.value.length} />`}
        ${!ready && html`<p class="loading" role="status">Loading alerts …</p>`}
        <${Whole} answer=${ready && !error.value ? answer.value : null}>
            <span>${plural(taken.length, 'alert')} in ${plural(rows.filter(r => !r.within).length, 'row')}</span>
            ${answer.value?.silenced > 0 && html`<a href=${link('alerts', { ...route.value.params, silenced: 'only' })}>${plural(answer.value.silenced, 'alert')} under a silence left out</a>`}
            ${p.silenced === 'only' && html`<a href=${link('alerts', { ...route.value.params, silenced: '' })}>only silenced ones are shown: show the others</a>`}
        </${Whole}>
        ${menu.value && html`<${Menu} title=${`Status of ${plural(menu.value.length, 'alert')}`} items=${statusMenu(menu.value)} onClose=${() => {
            menu.value = null;
        }} />`}
    </main>`;
}
