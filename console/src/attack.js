/*
 * attack: which techniques of ATT&CK the loaded rules look for, and which of them were seen. A cell says rules and alerts in numbers;
 * shade only repeats it. Coverage is what rules claim: it is not that a technique would be found in every form.
 */
import { signal } from '@preact/signals';
import { matrix } from './attack_state.js';
import { html } from './html.js';
import { count, plural } from './format.js';
import { fillAll, list, part, Section, Sheet } from './parts.js';
import { link } from './route.js';
import { Empty, Failure, Level, Text, Whole } from './ui.js';

const ALERTS_MAX = 20000, RANGE = '30d';
const rules = part(), alerts = part(), loadedAt = signal(0), chosen = signal(''), empty = signal(false);

async function load() {
    await fillAll(loadedAt, [[rules, () => list('/api/v1/rules')], [alerts, () => list('/api/v1/alerts', { since: RANGE, limit: ALERTS_MAX })]]);
}

function Cell({ cell }) {
    const key = `${cell.tactic}/${cell.id}`, state = cell.alerts ? 'seen' : cell.matched ? 'held' : 'quiet';
    return html`<li><button type="button" class=${`tech tech-${state}`} aria-pressed=${chosen.value === key} onClick=${() => {
        chosen.value = chosen.value === key ? '' : key;
        requestAnimationFrame(() => document.getElementById('chosen')?.scrollIntoView({ block: 'nearest' }));
    }}><b>${cell.name}</b><small>${cell.id.toUpperCase()} · ${plural(cell.rules.length, 'rule')}${cell.alerts ? html` · <strong>${plural(cell.alerts, 'alert')}</strong>` : cell.matched ? ` · matched ${count(cell.matched)}` : ''}</small></button></li>`;
}

function Chosen({ columns }) {
    const cell = columns.flatMap(c => c.cells).find(c => `${c.tactic}/${c.id}` === chosen.value);
    if (!cell)
        return null;
    return html`<section aria-labelledby="chosen" class="chosen"><h2 id="chosen">${cell.name} <small>${[cell.id, ...[...cell.sub].sort()].join(', ').toUpperCase()}</small></h2>
        <ul>${cell.rules.map(r => html`<li><${Level} level=${r.level} /> <a href=${link('alerts', { filter: `rule.id:"${r.id}"`, since: RANGE, view: 'all' })}><${Text} text=${r.title} /></a>
            <small>matched ${count(r.matched)} times since the collector started</small></li>`)}</ul></section>`;
}

export function Attack() {
    const all = rules.value.value, hits = new Map();
    for (const a of alerts.value.value || [])
        hits.set(a.rule?.id, (hits.get(a.rule?.id) || 0) + 1);
    const { columns, unmapped } = matrix(all || [], hits), shown = columns.filter(c => c.cells.length || empty.value);
    const techniques = new Set(columns.flatMap(c => c.cells.map(t => t.id))), none = columns.filter(c => c.id && !c.cells.length);
    return html`<${Sheet} title="ATT&CK matrix" cls="attack" load=${load} at=${loadedAt}>
        <${Section} id="matrix" title="Techniques" note="by what loaded rules tag; alerts of the last 30 days, silenced ones apart" part=${rules.value} load=${load} what="Loading the rules">
            <${Failure} error=${alerts.value.error} retry=${load} />${alerts.value.error && html`<p class="hint">▲ The alerts could not be counted: no cell says what was seen.</p>`}
            <${Whole} answer=${alerts.value.answer?.complete ? null : alerts.value.answer} />
            ${techniques.size > 0 && html`<p>${plural(techniques.size, 'technique')} by ${plural(all.length - unmapped.length, 'rule')}. ${none.length > 0 && html`<span class="hint">▲ No rule for ${none.map(c => c.title.toLowerCase()).join(', ')}.</span>`}
                ${none.length > 0 && html` <button type="button" aria-pressed=${empty.value} onClick=${() => {
                    empty.value = !empty.value;
                }}>Show empty columns</button>`}</p>
            <div class="matrix" role="group" aria-label="ATT&CK matrix" tabindex="0">${shown.map(c => html`<section aria-label=${c.title}><h3>${c.title}</h3><ul>${c.cells.map(cell => html`<${Cell} cell=${cell} />`)}</ul></section>`)}</div>
            <${Chosen} columns=${columns} />`}
            ${all && !techniques.size && html`<${Empty} title=${all.length ? 'No rule tags a technique.' : 'No rules are loaded.'}><p>A rule stands here when its <code>tags</code> hold <code>attack.t1190</code> and the like.</p></${Empty}>`}
        </${Section}>
        ${unmapped.length > 0 && html`<${Section} id="unmapped" title="Not mapped" note=${`${plural(unmapped.length, 'rule')} without a technique`}><ul class="unmapped">${unmapped.map(r => html`<li><${Level} level=${r.level} /> <${Text} text=${r.title} /></li>`)}</ul></${Section}>`}
        <p class="dim">A technique that rules look for is not one that is found in every form. ATT&CK is a trademark of The MITRE Corporation; tactics and techniques stand as the rules tag them, of whatever version.</p>
    </${Sheet}>`;
}
