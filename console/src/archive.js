/*
 * archive: what is kept, how well it packs, how far back it reaches, whether it is as it was written, and what is held.
 *
 * Invariant: a verdict is shown with when it was made and what it cannot exclude, and never as if it were made just now.
 */
import { signal } from '@preact/signals';
import { json } from './api.js';
import { html } from './html.js';
import { bytes, count, plural, span, utc, ms } from './format.js';
import { fill, fillAll, list, part, reset, Section, Sheet } from './parts.js';
import { link } from './route.js';
import { Empty, Failure, say, Table, Text } from './ui.js';

const segments = part(), holds = part(), verdict = part(), failed = signal(null), loadedAt = signal(0), checking = signal(false), releasing = signal(null);
const COLUMNS = [['Segment', 'num'], ['State'], ['File', 'mono'], ['On disk', 'num'], ['Text', 'num'], ['Ratio', 'num'], ['Frames', 'num'], ['Events', 'num'], ['From (UTC)'], ['To (UTC)']];

async function load() {
    await fillAll(loadedAt, [[segments, () => list('/api/v1/archive')], [holds, () => list('/api/v1/archive/holds')]]);
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
    const kept = all.filter(s => s.state !== 'expired' && s.state !== 'left out'), sealed = kept.filter(s => s.state !== 'open'), sum = (of, what) => of.reduce((n, s) => n + s[what], 0);
    const times = kept.flatMap(s => [s.from, s.to]).filter(Boolean).sort();
    return { disk: sum(kept, 'bytes'), sealedDisk: sum(sealed, 'bytes'), text: sum(sealed, 'text'), events: sum(sealed, 'events'), open: kept.length - sealed.length, sealed: sealed.length, gone: all.length - kept.length, from: times[0], to: times[times.length - 1] };
}

const STATES = { open: '○ open', sealed: '● sealed', held: '■ held', expired: '◌ let go', 'left out': '◌ left out' };

function row(s) {
    const day = s.from && ['sealed', 'held'].includes(s.state) && link('search', { q: '*', since: s.from, until: s.to });
    return { cells: [s.segment, STATES[s.state] || s.state, s.file, bytes(s.bytes), s.text ? bytes(s.text) : '—', s.text ? (s.text / s.bytes).toFixed(1) : '—', s.frames ? count(s.frames) : '—',
        !s.events ? '—' : day ? html`<a href=${day}>${count(s.events)}</a>` : count(s.events), s.from ? html`<time>${utc(s.from)}</time>` : '—', s.to ? html`<time>${utc(s.to)}</time>` : '—'] };
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
        <div><dt>Segments</dt><dd>${count(t.sealed)} sealed, ${count(t.open)} open${t.gone ? `, ${count(t.gone)} let go` : ''}</dd></div><div><dt>Events in sealed ones</dt><dd>${count(t.events)}</dd></div>
        <div><dt>Reaches back</dt><dd>${t.from ? html`${span(Date.now() - ms(t.from))}, to <time>${utc(t.from)}</time>` : 'all of it is in the open segment, whose times are known when it is sealed'}</dd></div></dl>`;
}

async function hold(path, body, done) {
    try {
        const now = await json(`/api/v1/archive/holds${path}`, { method: 'POST', body });
        failed.value = null;
        say(done(now));
        await load();
        return true;
    } catch (error) {
        failed.value = error;
        return false;
    }
}

async function place(form) {
    const value = name => form.elements[name].value.trim(), day = name => value(name) ? { [name]: value(name) } : {};
    const reason = value('reason');
    if (await hold('', { name: value('name'), ...day('since'), ...day('until'), ...(reason ? { reason } : {}) },
        now => `${now.hold} is in force.`))
        form.reset();
}

const focus = input => input?.focus();

/* Asked for twice, as nothing brings back what retention lets go then. */
function Release({ name }) {
    if (releasing.value !== name)
        return html`<button type="button" onClick=${() => { releasing.value = name; }}>Release<span class="vh"> ${name}</span></button>`;
    return html`<form class="bar" onSubmit=${async e => {
        e.preventDefault();
        const reason = e.target.elements.reason.value.trim();
        if (await hold('/release', { name, ...(reason ? { reason } : {}) }, () => `${name} was released.`))
            releasing.value = null;
    }}><label>Why <input name="reason" type="text" maxlength="500" autocomplete="off" ref=${focus} /></label>
        <button type="submit">Release for good<span class="vh"> ${name}</span></button> <button type="button" onClick=${() => { releasing.value = null; }}>Keep it</button></form>`;
}

function Holds({ all }) {
    return html`<${Section} id="holds" title="Holds" note="segments that are kept, whatever retention says, until somebody releases them" part=${holds.value} load=${load} what="Reading the manifest">
        ${all?.length > 0 && html`<${Table} label="Holds in force" columns=${[['Hold', 'wide'], ['Events from (UTC)'], ['To (UTC)'], ['Since (UTC)'], ['By'], ['Why', 'wide'], ['']]} rows=${all.map(h => ({ cells: [
            html`<${Text} text=${h.hold} />`, h.from ? html`<time>${utc(h.from)}</time>` : 'the first', h.to ? html`<time>${utc(h.to)}</time>` : 'all to come', html`<time>${utc(h.since)}</time>`, h.by, html`<${Text} text=${h.reason || '—'} limit=${200} />`,
            html`<${Release} name=${h.hold} />`] }))} />`}
        ${all && !all.length && html`<p class="dim">Nothing is held.</p>`}
        <form class="bar" onSubmit=${e => {
            e.preventDefault();
            place(e.target);
        }}><label>Hold <input name="name" type="text" required maxlength="63" autocomplete="off" placeholder="case 7" /></label>
            <label>events since <input name="since" type="text" autocomplete="off" placeholder="2026-11-23 or 24h" /></label><label>until <input name="until" type="text" autocomplete="off" placeholder="now on" /></label>
            <label>Why <input name="reason" type="text" maxlength="500" autocomplete="off" /></label><button type="submit">Hold</button></form>
        <${Failure} error=${failed.value} />
        <p class="dim">For somebody else: <code>dogwatch archive export DIR --since T --until T</code> makes a copy that verifies by itself.</p></${Section}>`;
}

export function Archive() {
    const all = segments.value.value;
    return html`<${Sheet} title="Archive" cls="archive" load=${load} at=${loadedAt} keys=${{ v: { does: 'check the archive', run: check } }}>
        <${Section} id="kept" title="Kept" note="the sum of all segments" part=${segments.value} load=${load} what="Reading the manifest">${all?.length > 0 && html`<${Summary} all=${all} />`}
            ${all && !all.length && html`<${Empty} title="The archive is empty."><p>No frame has come yet. See who sends: <a href=${link('ledger')}>Agents and ledger</a>.</p></${Empty}>`}</${Section}>
        <${Integrity} />
        <${Holds} all=${holds.value.value} />
        ${all?.length > 0 && html`<${Section} id="segments" title="Segments" note="the newest first; a sealed one is never written again, and can be read by zstd -dc"><${Table} label="Segments of the archive, the newest first" columns=${COLUMNS} rows=${[...all].reverse().map(row)} /></${Section}>`}
    </${Sheet}>`;
}
