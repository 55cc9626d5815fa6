/*
 * rules: what the collector looks for: which rules are loaded, which of them fire, which cost, and which have never been tried.
 *
 * Invariant: a rule that is not seen to work is not shown as if it did: one whose condition no event has reached is named as such.
 */
import { signal } from '@preact/signals';
import { html } from './html.js';
import { count, percent, plural, span, utc } from './format.js';
import { load as kept, save } from './kept.js';
import { fillAll, list, part, Section, Sheet } from './parts.js';
import { link } from './route.js';
import { alertsByRule, DAYS, NOTHING, stateOf, wanted } from './rules_state.js';
import { Empty, Level, LEVELS, Table, Text } from './ui.js';

const ALERTS_MAX = 20000, SPARK = 16;
const rules = part(), alerts = part(), loadedAt = signal(0), find = signal(''), opened = signal(''), sort = signal(kept('rules.sort', 'alerts'));
const STATES = {
    matches: '● matches', waits: '○ waits', tried: '○ tried, never held', 'not tried': '▲ never tried', 'no events': '○ no events yet', undecided: '▲ undecided at times',
};
const SORTS = [['alerts', 'most alerts'], ['level', 'worst level'], ['cost', 'most work'], ['title', 'title']];

async function load() {
    await fillAll(loadedAt, [[rules, () => list('/api/v1/rules')], [alerts, () => list('/api/v1/alerts', { since: `${DAYS}d`, limit: ALERTS_MAX })]]);
}

/* Seven bars, the oldest day first; the numbers stand in words beside it. */
function Spark({ day }) {
    const most = Math.max(1, ...day), text = day.map((n, i) => `${i === DAYS - 1 ? 'last 24 h' : `${DAYS - i} d ago`}: ${n}`).join(', ');
    return html`<svg class="spark" role="img" aria-label=${text} width=${DAYS * 6} height=${SPARK} viewBox=${`0 0 ${DAYS * 6} ${SPARK}`}><title>${text}</title>
        ${day.map((n, i) => html`<rect x=${i * 6} width="5" y=${n ? SPARK - Math.max(2, SPARK * n / most) : SPARK - 1} height=${n ? Math.max(2, SPARK * n / most) : 1} />`)}</svg>`;
}

function Detail({ rule }) {
    return html`<div class="rule-detail">${rule.description && html`<p><${Text} text=${rule.description} limit=${600} /></p>`}
        <dl class="facts"><div><dt>Id</dt><dd class="mono">${rule.id}</dd></div><div><dt>Status</dt><dd>${rule.status || 'none given'}</dd></div><div><dt>File</dt><dd class="mono">${rule.file}</dd></div>
        <div><dt>Tags</dt><dd>${rule.tags.join(', ') || 'none: it is not in the ATT&CK matrix'}</dd></div><div><dt>Logic (SHA-256)</dt><dd class="mono">${rule.logic_hash.slice(0, 16)} …</dd></div>
        ${rule.silent && html`<div><dt>Alerts</dt><dd>raises none of its own: correlations rest on it</dd></div>`}</dl>
        <p class="dim">Try it on events of yours: <code>dogwatch rules run ${rule.file.replace(/[^/]+$/, '') || '.'} < events.ndjson</code></p></div>`;
}

function row(rule, week, events) {
    const counted = alerts.value.value !== null, hits = week.get(rule.id) || NOTHING, isOpen = opened.value === rule.id, state = stateOf(rule, events);
    const cells = [
        html`<${Level} level=${rule.level} />`,
        html`<button type="button" class="plain" aria-expanded=${isOpen} onClick=${() => {
            opened.value = isOpen ? '' : rule.id;
        }}>${isOpen ? '▾' : '▸'} ${rule.title}</button>${isOpen && html`<${Detail} rule=${rule} />`}`,
        rule.type.replaceAll('_', ' '), html`<span class=${state === 'not tried' || state === 'undecided' ? 'hint' : ''}>${STATES[state]}</span>`,
        counted ? html`<${Spark} day=${hits.day} />` : '?', counted ? count(hits.day[DAYS - 1]) : '?',
        !counted ? '?' : hits.week ? html`<a href=${link('alerts', { filter: `rule.id:"${rule.id}"`, since: '7d', view: 'all' })}>${count(hits.week)}</a>` : '0',
        !counted ? '?' : hits.last ? html`<time title=${utc(hits.last)}>${span(loadedAt.value - hits.last)} ago</time>` : '—',
        count(rule.matched), rule.correlation ? '—' : percent(rule.evaluated, events), count(rule.undecided),
    ];
    return { cls: isOpen ? 'at' : '', cells };
}

const COLUMNS = [['Level'], ['Rule', 'wide'], ['Kind'], ['State'], ['7 days'], ['Alerts 24 h', 'num'], ['Alerts 7 d', 'num'], ['Last alert'], ['Matched', 'num'], ['Tried on', 'num'], ['Undecided', 'num']];

function order(week) {
    const rank = l => (LEVELS.indexOf(l) + LEVELS.length + 1) % (LEVELS.length + 1), n = r => (week.get(r.id) || NOTHING).week;
    const by = { alerts: (a, b) => n(b) - n(a), level: (a, b) => rank(a.level) - rank(b.level), cost: (a, b) => b.evaluated - a.evaluated, title: () => 0 };
    return (a, b) => by[sort.value](a, b) || (a.title < b.title ? -1 : 1);
}

function Bar({ all, shown }) {
    return html`<div class="bar" role="search"><label class="query"><span class="vh">Find rules</span><input type="search" value=${find.value} placeholder="part of a title, id, tag or level" spellcheck=${false} onInput=${e => {
            find.value = e.target.value;
        }} /></label>
        <label>Sorted by <select value=${sort.value} onChange=${e => {
            sort.value = e.target.value;
            save('rules.sort', sort.value);
        }}>${SORTS.map(([v, t]) => html`<option value=${v} selected=${v === sort.value}>${t}</option>`)}</select></label>
        <span class="dim">${shown === all ? plural(all, 'rule') : `${count(shown)} of ${plural(all, 'rule')}`}</span></div>`;
}

function Summary({ all, events, leftOut }) {
    const idle = all.filter(r => stateOf(r, events) === 'not tried').length;
    return html`<p>${leftOut > 0 && html`<b class="bad">▲ ${plural(leftOut, 'rule')} did not load: <code>dogwatch rules check</code> says where and why.</b> `}
        Over ${plural(events, 'event')} since the collector started, the archive that it read again among them.
        ${idle > 0 && html` <span class="hint">▲ ${plural(idle, 'rule')} ${idle === 1 ? 'was' : 'were'} never tried: no event of ${idle === 1 ? 'its' : 'their'} log source had what ${idle === 1 ? 'it looks' : 'they look'} for.</span>`}</p>`;
}

export function Rules() {
    const all = rules.value.value || [], events = rules.value.answer?.events || 0, week = alertsByRule(alerts.value.value || [], loadedAt.value);
    const shown = wanted(all, find.value).sort(order(week));
    return html`<${Sheet} title="Rules" cls="rules" load=${load} at=${loadedAt} keys=${{ '/': { does: 'find', run: () => document.querySelector('.rules input').focus() } }}>
        <${Bar} all=${all.length} shown=${shown.length} />
        <${Section} id="hits" title="Hits" note=${`alerts of the last ${DAYS} days, silenced ones apart`} part=${alerts.value} load=${load} what="Counting alerts">
            ${alerts.value.value && html`<p>${plural(alerts.value.value.length, 'alert')} of ${plural(week.size, 'rule')}.</p>`}</${Section}>
        <${Section} id="loaded" title="Loaded" note="state, hits and cost" part=${rules.value} load=${load} what="Loading the rules">
            ${all.length > 0 && html`<${Summary} all=${all} events=${events} leftOut=${rules.value.answer?.left_out || 0} />`}
            ${shown.length > 0 && html`<${Table} label="Rules" columns=${COLUMNS} rows=${shown.map(r => row(r, week, events))} />`}
            ${rules.value.value && !all.length && html`<${Empty} title="No rules: nothing will be detected."><p>The collector only archives. Rules are read from the folder that <code>rules</code> in collector.yml names, or <code>--rules DIR</code> of <code>dogwatch up</code>; then start it again.</p></${Empty}>`}
            ${all.length > 0 && !shown.length && html`<${Empty} title="No rule is called so."><p><button type="button" onClick=${() => {
                find.value = '';
            }}>Show all ${count(all.length)}</button></p></${Empty}>`}
        </${Section}>
    </${Sheet}>`;
}
