/*
 * budget: the silence budget: every counter of something that was not done, not seen or not kept as it came. A budget that is
 * spent is shown first; one that is not is shown, too, for "never" is an answer.
 */
import { signal } from '@preact/signals';
import { html } from './html.js';
import { count, plural } from './format.js';
import { fillAll, list, part, Section, Sheet } from './parts.js';
import { link } from './route.js';
import { Empty, Table } from './ui.js';

const counters = part(), loadedAt = signal(0);
const COLUMNS = [['Counter', 'mono'], ['Program'], ['Since its start', 'num'], ['What it counts', 'wide']];

async function load() {
    await fillAll(loadedAt, [[counters, () => list('/api/v1/counters', { zero: 'yes' })]]);
}

/* {spent, unspent, mended, work}: the greatest first where there is something to tell. */
export function sorted(all) {
    const of = kind => all.filter(c => c.kind === kind), down = (a, b) => b.value - a.value || (a.counter < b.counter ? -1 : 1);
    return {
        spent: of('not_done').filter(c => c.value).sort(down), unspent: of('not_done').filter(c => !c.value),
        mended: of('mended').filter(c => c.value).sort(down), work: of('work').filter(c => c.value),
    };
}

const rowOf = cls => c => ({ cls, cells: [c.counter, c.program, count(c.value), c.what] });

function Rest({ title, rows }) {
    return html`<details><summary>${title}</summary><${Table} label=${title} columns=${COLUMNS} rows=${rows.map(rowOf(''))} /></details>`;
}

export function Budget() {
    const all = counters.value.value, s = sorted(all || []), agents = (all || []).some(c => c.program === 'agent');
    return html`<${Sheet} title="Silence budget" cls="budget" load=${load} at=${loadedAt}>
        <${Section} id="spent" title="Not done" note="not seen, not kept as it came, not decided: since the programs started" part=${counters.value} load=${load} what="Reading the counters">
            ${s.spent.length > 0 && html`<p><strong class="hint">▲ ${plural(s.spent.length, 'counter')} of ${count(s.spent.length + s.unspent.length)} moved.</strong> What each means stands beside it; the gaps among them are alerts, too:${' '}
                <a href=${link('alerts', { filter: 'rule.id:dogwatch.*', view: 'all', since: 'all' })}>alerts of the collector's own</a>.</p>
                <${Table} label="Not done" columns=${COLUMNS} rows=${s.spent.map(rowOf('spent'))} />`}
            ${all && !s.spent.length && s.unspent.length > 0 && html`<p><strong class="ok">✓ Nothing was left undone: all ${count(s.unspent.length)} counters stand at 0.</strong></p>`}
            ${all && !all.length && html`<${Empty} title="No counter came."><p>The collector has just started. <kbd>r</kbd> loads again.</p></${Empty}>`}
            ${all?.length > 0 && !agents && html`<p class="dim">Only the collector's: no agent of this host has written its counters here. Those of other hosts: <code>dogwatch counters</code> there.</p>`}
            ${s.unspent.length > 0 && html`<${Rest} title=${`${plural(s.unspent.length, 'counter')} stand at 0`} rows=${s.unspent} />`}
        </${Section}>
        ${s.mended.length > 0 && html`<${Section} id="mended" title="Mended" note="failed and made good: nothing is missing by it"><${Table} label="Mended" columns=${COLUMNS} rows=${s.mended.map(rowOf(''))} /></${Section}>`}
        ${s.work.length > 0 && html`<${Section} id="work" title="Work" note="how much was done"><${Table} label="Work" columns=${COLUMNS} rows=${s.work.map(rowOf(''))} /></${Section}>`}
    </${Sheet}>`;
}
