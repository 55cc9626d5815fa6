/*
 * parts: the pieces of a page, loaded each on its own: what fails leaves the others standing, and what was shown stays shown
 * while it is loaded again.
 */
import { signal } from '@preact/signals';
import { useLayoutEffect } from 'preact/hooks';
import { rows } from './api.js';
import { utc } from './format.js';
import { html } from './html.js';
import { useKeys } from './keys.js';
import { Failure, Whole } from './ui.js';

/* One part: {value, answer, error}, all null until it has come. */
export const part = () => signal({ value: null, answer: null, error: null });

/* As before it was ever loaded; an answer that is still under way is passed over. */
export function reset(p) {
    p.turn = (p.turn || 0) + 1;
    p.value = { value: null, answer: null, error: null };
}

/* `how` answers {value, answer}. Whether it came. Of several at a time the one that was asked for last counts: a slow answer to an older
 * question never stands under a newer one. */
export async function fill(into, how) {
    const mine = into.turn = (into.turn || 0) + 1;
    let next;
    try {
        next = { answer: null, error: null, ...await how() };
    } catch (error) {
        next = { ...into.value, error };
    }
    if (into.turn === mine)
        into.value = next;
    return !next.error;
}

/* Loads a page's parts, [[part, how]]; `at` becomes now only if all of them came. */
export async function fillAll(at, jobs) {
    const came = await Promise.all(jobs.map(([into, how]) => fill(into, how)));
    if (came.every(Boolean))
        at.value = Date.now();
}

/* Rows of the API as a part's value. */
export async function list(path, params) {
    const got = await rows(path, { params });
    return { value: got.rows, answer: got.answer };
}

export function Reading({ part: p, what = 'Reading' }) {
    return !p.value && !p.error ? html`<p class="loading" role="status">${what} …</p>` : null;
}

/* The focus goes to the first link or button of the row after, or before, the one that has it. */
export function step(d) {
    const rows = [...document.querySelectorAll('main tbody tr, main .matrix li')].map(r => r.querySelector('button, a')).filter(e => e?.offsetParent); /* those that can be seen */
    const at = rows.findIndex(r => r.closest('tr, li').contains(document.activeElement));
    const to = rows[at < 0 ? (d > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + d))];
    to?.focus();
    to?.scrollIntoView({ block: 'nearest' });
}

export const ROW_KEYS = { j: { does: 'next row', run: () => step(1) }, k: { does: 'previous row', run: () => step(-1) } };

/* The frame of a page of facts: a heading, as of when they are, and `r` to load again. `at`: a signal that holds when they came. */
export function Sheet({ title, cls, load, at, keys = {}, children }) {
    useLayoutEffect(() => {
        load();
    }, []);
    useKeys({ ...ROW_KEYS, ...keys, r: { does: 'load again', run: load } }, { name: title });
    return html`<main class=${`sheet ${cls}`} aria-label=${title}><h1>${title} <button type="button" onClick=${load}>Load again <kbd>r</kbd></button>
        ${at.value > 0 && html`<small>as of ${utc(at.value)} UTC</small>`}</h1>${children}</main>`;
}

/* A section of such a page: what failed, what is still read, and why an answer is partial stand where its rows would. */
export function Section({ id, title, note, part: p, load, what, children }) {
    return html`<section aria-labelledby=${id}><h2 id=${id}>${title} <small>${note}</small></h2>
        ${p && html`<${Failure} error=${p.error} retry=${load} /><${Reading} part=${p} what=${what} />`}${children}
        ${p?.answer && !p.answer.complete && html`<${Whole} answer=${p.answer} />`}</section>`;
}
