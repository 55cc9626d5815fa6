/*
 * search_fields: which fields the rows have, and the most frequent values of one.
 *
 * Shares are of the first rows that are shown and say so; top values are counted by the collector over all events of the range.
 */
import { useSignal } from '@preact/signals';
import { flat, show } from './flat.js';
import { count, percent, plural } from './format.js';
import { html } from './html.js';
import { topOf } from './search_state.js';
import { Failure, Text, Whole } from './ui.js';

const SAMPLE = 500;
const HIDDEN = new Set(['event.original', '@timestamp', 'event.id', 'dogwatch.start', 'dogwatch.end']);

/* [[name, how many of the sample have it]], the most frequent first. */
export function fieldsOf(rowAt, length) {
    const counts = new Map(), n = Math.min(SAMPLE, length);
    for (let i = 0; i < n; i++)
        for (const [name] of flat(rowAt(i)))
            if (!HIDDEN.has(name))
                counts.set(name, (counts.get(name) || 0) + 1);
    return { n, list: [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)) };
}

function Values({ p, field, total, onTerm }) {
    const got = useSignal(null), error = useSignal(null);
    if (!got.value && !error.value)
        topOf(p, field).then(v => {
            got.value = v;
        }, e => {
            error.value = e;
        });
    if (error.value)
        return html`<${Failure} error=${error.value} />`;
    if (!got.value)
        return html`<p class="loading">Counting …</p>`;
    const sum = got.value.values.reduce((s, v) => s + v[1], 0);
    return html`<ul class="values">${got.value.values.map(([value, n]) => html`<li>
            <div><${Text} text=${show(value) || '(absent)'} limit=${80} more=${false} /> <small>${count(n)}, ${percent(n, total)}</small></div>
            <span><button type="button" aria-label=${`only ${field} ${show(value)}`} onClick=${() => onTerm(field, value, false)}>+</button><button type="button"
                aria-label=${`without ${field} ${show(value)}`} onClick=${() => onTerm(field, value, true)}>−</button></span></li>`)}</ul>
        ${total > sum && html`<small>${plural(total - sum, 'event')} with other values</small>`}
        ${!got.value.answer.complete && html`<${Whole} answer=${got.value.answer} />`}`;
}

export function Fields({ p, fields, total, columns, onTerm, onColumn }) {
    const opened = useSignal(''), find = useSignal('');
    const list = fields.list.filter(f => f[0].includes(find.value));
    return html`<aside class="fieldlist" aria-label="Fields"><details open=${!matchMedia('(max-width: 700px)').matches}><summary>Fields <small>in the ${plural(fields.n, 'newest row')}</small></summary>
        <label><span class="vh">Find a field</span><input type="search" placeholder="find a field" onInput=${e => {
            find.value = e.target.value;
        }} /></label>
        <ul>${list.map(([name, n]) => html`<li><div class="fieldname"><button type="button" aria-expanded=${opened.value === name} onClick=${() => {
            opened.value = opened.value === name ? '' : name;
        }}><${Text} text=${name} /></button> <small>${percent(n, fields.n)}</small>
            <button type="button" class="small" aria-pressed=${columns.includes(name)} onClick=${() => onColumn(name)}>${columns.includes(name) ? '−' : '+'} col<span class="vh"> ${name}</span></button></div>
            ${opened.value === name && html`<${Values} key=${name + JSON.stringify(p)} p=${p} field=${name} total=${total} onTerm=${onTerm} />`}</li>`)}</ul>
        ${!list.length && html`<p class="dim">No field of these rows is called so.</p>`}
    </details></aside>`;
}
