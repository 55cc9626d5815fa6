/*
 * ui: the small parts that every page is made of: levels, log text, errors, how whole an answer is, dialogs, messages.
 */
import { signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { html } from './html.js';
import { count } from './format.js';
import { useKeys } from './keys.js';
import { pieces } from './visible.js';

/* Level by word and shape, colour only on top: readable in grey and by those who do not tell red from green. */
const SHAPES = { critical: '◆', high: '▲', medium: '■', low: '●', informational: '○' };
export const LEVELS = Object.keys(SHAPES);

export function Level({ level }) {
    const known = SHAPES[level] ? level : 'informational';
    return html`<span class=${`level level-${known}`}><span aria-hidden="true">${SHAPES[known]}</span> ${SHAPES[level] ? level.replace('informational', 'info') : level || 'none'}</span>`;
}

export const STATUS_TEXT = { new: 'new', in_progress: 'in progress', resolved: 'resolved', false_positive: 'false positive', closed: 'closed' };

/* Log text. At most `limit` characters at a time; what is not shown is said, and a button shows more. */
export function Text({ text, marks, limit = 2000, more = true }) {
    const [shown, setShown] = useState(limit);
    const value = String(text ?? '');
    const cut = value.length > shown ? value.slice(0, shown) : value;
    const left = value.length - cut.length;
    return html`<bdi class="text">${pieces(cut, marks).map(p => (p.escaped || p.marked
        ? html`<span class=${`${p.escaped ? 'esc' : ''}${p.marked ? ' hit' : ''}`}>${p.text}</span>` : p.text))}${left > 0 && (more
        ? html`<button type="button" class="more" onClick=${e => {
            e.stopPropagation();
            setShown(shown + 10 * limit);
        }}>${count(left)} more characters</button>`
        : html`<span class="more"> … ${count(left)} more characters</span>`)}</bdi>`;
}

/* An error of the API: what, where, what to do. */
export function Failure({ error, retry }) {
    if (!error)
        return null;
    return html`<div class="failure" role="alert">
        <strong>${error.message}</strong>
        ${error.text && html`<pre>${error.text}</pre>`}
        ${error.code === 'role' ? html`<p>Your role may not ask for this. Who runs the collector can give you another: <code>dogwatch token add NAME --role hunt</code></p>` : error.hint && !error.text && html`<p>${error.hint}</p>`}
        ${retry && error.code !== 'role' && html`<button type="button" onClick=${retry}>Try again</button>`}
    </div>`;
}

/* How whole an answer is; a partial one is never shown without why. */
export function Whole({ answer, children }) {
    if (!answer)
        return null;
    return html`<div class=${`whole ${answer.complete ? '' : 'partial'}`} role="status">
        <span class="badge">${answer.complete ? '✓ complete' : '▲ partial'}</span>
        ${!answer.complete && html`<span>${answer.why || 'no reason was given'}</span>`}
        ${children}
        ${(answer.notes || []).map(n => html`<span class="note">${typeof n === 'string' ? n : JSON.stringify(n)}</span>`)}
    </div>`;
}

export function Empty({ title, children }) {
    return html`<div class="empty"><h2>${title}</h2>${children}</div>`;
}

/* A table of facts. On a narrow screen each row becomes a card whose values carry their column's name; the roles are said, for a browser
 * takes them from a table that is laid out otherwise. columns: [name, class]; rows: [{cls, cells}] */
export function Table({ label, columns, rows }) {
    return html`<div class="scroll facts-table" tabindex="0" role="region" aria-label=${label}><table role="table" aria-label=${label}>
        <thead role="rowgroup"><tr role="row">${columns.map(([name, cls]) => html`<th role="columnheader" class=${cls}>${name}</th>`)}</tr></thead>
        <tbody role="rowgroup">${rows.map(r => html`<tr role="row" class=${r.cls}>${r.cells.map((c, i) => html`<td role="cell" class=${columns[i][1]} data-label=${columns[i][0]}>${c}</td>`)}</tr>`)}</tbody></table></div>`;
}

/* What was just done, also for screen readers. Messages about one thing (`about`) follow each other; others stand beside it, so that a
 * success does not cover a failure. Those of failures stay until they are dismissed. */
const SAID_MAX = 4, SAID_MS = 8000;
let saidCount = 0;
export const said = signal([]);

function unsay(message) {
    said.value = said.value.filter(m => m !== message);
}

export function say(text, { failed = false, about = '' } = {}) {
    const message = { id: ++saidCount, text, failed, about };
    const others = said.value.filter(m => m.failed || m.about !== about);
    said.value = [...others, message].slice(-SAID_MAX);
    if (!failed)
        setTimeout(unsay, SAID_MS, message);
}

export function Said() {
    return html`<div class="said" role="status" aria-live="polite">${said.value.map(m => html`<div key=${m.id} class=${m.failed ? 'failed' : ''}><span>${m.text}</span>
        ${m.failed && html`<button type="button" onClick=${() => unsay(m)}>Dismiss</button>`}</div>`)}</div>`;
}

/* A modal over the page: the browser keeps focus in it and gives it back. Escape closes, unless it must stay. */
export function Dialog({ title, onClose, children, cls = '' }) {
    const ref = useRef();
    useEffect(() => {
        ref.current.showModal();
        return () => ref.current?.close();
    }, []);
    return html`<dialog ref=${ref} class=${cls} aria-label=${title} onCancel=${e => {
        e.preventDefault();
        onClose?.();
    }}><h2>${title}</h2>${children}</dialog>`;
}

/* A short list of choices, by digit or arrow. items: [{label, hint, run}] */
export function Menu({ title, items, onClose }) {
    const ref = useRef();
    const move = d => {
        const all = [...ref.current.querySelectorAll('[role=menuitem]')];
        all[(all.indexOf(document.activeElement) + d + all.length) % all.length].focus();
    };
    const pick = item => {
        onClose();
        item.run();
    };
    const keys = {
        j: { run: () => move(1) }, ArrowDown: { run: () => move(1) }, k: { run: () => move(-1) }, ArrowUp: { run: () => move(-1) },
        Escape: { run: onClose },
    };
    items.forEach((item, i) => {
        keys[String(i + 1)] = { run: () => pick(item) };
    });
    useKeys(keys, { modal: true });
    useEffect(() => ref.current.querySelector('[role=menuitem]').focus(), []);
    return html`<${Dialog} title=${title} onClose=${onClose} cls="menu"><div role="menu" aria-label=${title} ref=${ref}>
        ${items.map((item, i) => html`<button type="button" role="menuitem" onClick=${() => pick(item)}>
            <kbd>${i + 1}</kbd> ${item.label}<small>${item.hint}</small></button>`)}
    </div></${Dialog}>`;
}
