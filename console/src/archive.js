/*
 * archive: what is kept, how well it packs, how far back it reaches, and whether it is as it was written.
 *
 * Invariant: a verdict is shown with when it was made and what it cannot exclude, and never as if it were made just now.
 */
import { signal } from '@preact/signals';
import { json } from './api.js';
import { html } from './html.js';
import { bytes, count, plural, span, utc, ms } from './format.js';
import { fill, fillAll, list, part, reset, Section, Sheet } from './parts.js';
import { link } from './route.js';
import { Empty, Failure, Table, Text } from './ui.js';

const segments = part(), verdict = part(), loadedAt = signal(0), checking = signal(false);
const COLUMNS = [['Segment', 'num'], ['State'], ['File', 'mono'], ['On disk', 'num'], ['Text', 'num'], ['Ratio', 'num'], ['Frames', 'num'], ['Events', 'num'], ['From (UTC)'], ['To (UTC)']];

async function load() {
    await fillAll(loadedAt, [[segments, () => list('/api/v1/archive')]]);
}

async function check() {
    if (checking.value)
        return;
    checking.value = true;
    reset(verdict);
    await fill(verdict, async () => ({ value: { ...await json('/api/v1/archive/verify'), at: Date.now() } }));
    checking.value = false;
}

export function totals(all) {
    const sealed = all.filter(s => s.state === 'sealed'), sum = (of, what) => of.reduce((n, s) => n + s[what], 0);
    const times = all.flatMap(s => [s.from, s.to]).filter(Boolean).sort();
    return { disk: sum(all, 'bytes'), sealedDisk: sum(sealed, 'bytes'), text: sum(sealed, 'text'), events: sum(sealed, 'events'), open: all.length - sealed.length, from: times[0], to: times[times.length - 1] };
}

function row(s) {
    const day = s.from && link('search', { q: '*', since: s.from, until: s.to });
    return { cells: [s.segment, s.state, s.file, bytes(s.bytes), s.text ? bytes(s.text) : '—', s.text ? (s.text / s.bytes).toFixed(1) : '—', s.frames ? count(s.frames) : '—',
        s.events ? html`<a href=${day}>${count(s.events)}</a>` : '—', s.from ? html`<time>${utc(s.from)}</time>` : '—', s.to ? html`<time>${utc(s.to)}</time>` : '—'] };
}

function Verdict({ v }) {
    return html`<p role="status"><strong class=${v.ok ? 'ok' : 'bad'}>${v.ok ? '✓ Nothing was changed, taken out or moved' : `▲ ${plural(v.problems, 'problem')}`}</strong>
        <span> at ${utc(v.at)} UTC: ${plural(v.segments, 'segment')}, ${plural(v.frames, 'frame')}, ${plural(v.events, 'event')}, ${plural(v.signatures, 'signature')} ${v.signatures === 1 ? 'holds' : 'hold'}.</span></p>
        ${v.named.length > 0 && html`<ul class="problems">${v.named.map(p => html`<li class="bad"><${Text} text=${p} limit=${400} /></li>`)}</ul>`}
        ${v.problems > v.named.length && html`<p class="bad">… and ${count(v.problems - v.named.length)} more: <code>dogwatch archive verify</code> names each.</p>`}
        ${v.unsigned_tail > 0 && html`<p class="dim">The newest ${plural(v.unsigned_tail, 'frame')} ${v.unsigned_tail === 1 ? 'stands' : 'stand'} after the last signature of their agent: the manifest alone vouches for them.</p>`}
        <p class="dim">Not excluded by this: that all of it was made anew, or that this collector lies. Who must not trust this host checks a copy elsewhere: <code>dogwatch archive verify --archive COPY</code>.</p>`;
}

function Integrity() {
    const v = verdict.value;
    return html`<section aria-labelledby="integrity"><h2 id="integrity">Integrity <small>every hash, chain and signature, by reading all of it</small></h2>
        <p><button type="button" disabled=${checking.value} onClick=${check}>${v.value ? 'Check again' : 'Check now'} <kbd>v</kbd></button>
            ${checking.value ? html` <span class="loading" role="status">Reading all of the archive …</span>` : !v.value && !v.error && html` <span class="dim">Not checked since this page was opened.</span>`}</p>
        <${Failure} error=${v.error} retry=${check} />${v.value && html`<${Verdict} v=${v.value} />`}</section>`;
}

function Summary({ all }) {
    const t = totals(all);
    return html`<dl class="facts big"><div><dt>On disk</dt><dd>${bytes(t.disk)}</dd></div><div><dt>Text of sealed segments</dt><dd>${bytes(t.text)}${t.text ? `, ${(t.text / t.sealedDisk).toFixed(1)} : 1` : ''}</dd></div>
        <div><dt>Segments</dt><dd>${count(all.length - t.open)} sealed, ${count(t.open)} open</dd></div><div><dt>Events in sealed ones</dt><dd>${count(t.events)}</dd></div>
        <div><dt>Reaches back</dt><dd>${t.from ? html`${span(Date.now() - ms(t.from))}, to <time>${utc(t.from)}</time>` : 'all of it is in the open segment, whose times are known when it is sealed'}</dd></div></dl>`;
}

export function Archive() {
    const all = segments.value.value;
    return html`<${Sheet} title="Archive" cls="archive" load=${load} at=${loadedAt} keys=${{ v: { does: 'check the archive', run: check } }}>
        <${Section} id="kept" title="Kept" note="the sum of all segments" part=${segments.value} load=${load} what="Reading the manifest">${all?.length > 0 && html`<${Summary} all=${all} />`}
            ${all && !all.length && html`<${Empty} title="The archive is empty."><p>No frame has come yet. See who sends: <a href=${link('ledger')}>Agents and ledger</a>.</p></${Empty}>`}</${Section}>
        <${Integrity} />
        ${all?.length > 0 && html`<${Section} id="segments" title="Segments" note="the newest first; a sealed one is never written again, and can be read by zstd -dc"><${Table} label="Segments of the archive, the newest first" columns=${COLUMNS} rows=${[...all].reverse().map(row)} /></${Section}>`}
    </${Sheet}>`;
}
