/*
 * ledger: does everything that was written arrive? Who sends, and the account of every byte: read = archived + declared + pending + unaccounted.
 *
 * Invariant: the sum is worked out here again for every stream; where it does not come out, that is said and never smoothed over.
 */
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { rows } from './api.js';
import { bytes, count, ms, plural, span, utc } from './format.js';
import { html } from './html.js';
import { useKeys } from './keys.js';
import { quote } from './query.js';
import { link } from './route.js';
import { Empty, Failure, Level, Text, Whole } from './ui.js';

const QUIET_MS = 60e3;
const GAPS = 'rule.id:(dogwatch.bytes.* or dogwatch.stream.* or dogwatch.chain.* or dogwatch.epoch.* or dogwatch.queue.* or dogwatch.agent.* or dogwatch.frame.* or dogwatch.archive.* or dogwatch.record.*)';
const PARTS = [['agents', '/api/v1/agents'], ['ledger', '/api/v1/ledger'], ['archive', '/api/v1/archive'], ['gaps', '/api/v1/alerts', { filter: GAPS }]];
const parts = Object.fromEntries(PARTS.map(([name]) => [name, signal({ rows: null, answer: null, error: null })]));
const loadedAt = signal(0);

async function load() {
    await Promise.all(PARTS.map(async ([name, path, params]) => {
        try {
            parts[name].value = { error: null, ...await rows(path, { params }) };
        } catch (error) {
            parts[name].value = { ...parts[name].value, error };
        }
    }));
    loadedAt.value = Date.now();
}

/* What is not right with a stream, in words; '' when all of it is accounted for. */
export function wrong(s) {
    if (s.read !== s.archived + s.declared + s.pending + s.unaccounted)
        return 'the sum does not come out';
    if (s.unaccounted)
        return `${bytes(s.unaccounted)} are nowhere`;
    return s.state === 'lost' ? 'the file vanished before it was read to its end' : '';
}

export function sums(streams) {
    const total = { read: 0, archived: 0, declared: 0, pending: 0, unaccounted: 0, again: 0 };
    for (const s of streams)
        for (const name of Object.keys(total))
            total[name] += s[name];
    return total;
}

function Reading({ part }) {
    return !part.rows && !part.error ? html`<p class="loading" role="status">Reading the archive …</p>` : null;
}

function Verdict({ part }) {
    const t = sums(part.rows), bad = part.rows.filter(wrong);
    const ok = !bad.length && part.answer.complete;
    const term = (name, n, title) => html`<span class=${name === 'unaccounted' && n ? 'bad' : ''} title=${title}><b>${bytes(n)}</b> ${name}</span>`;
    return html`<div class="verdict-line"><strong class=${ok ? 'ok' : 'bad'}>${ok ? '✓ Every byte that was read is accounted for.' : bad.length ? `▲ ${plural(bad.length, 'stream')} with a gap.` : '▲ The account is partial.'}</strong>
        <p class="sum" aria-label="The account of all streams">${term('read', t.read, 'bytes the agents read')} = ${term('archived', t.archived, 'bytes in events')} + ${term('declared', t.declared, 'cut or let go, and said so')}
            + ${term('pending', t.pending, 'not handed over yet')} + ${term('unaccounted', t.unaccounted, 'nowhere')}</p></div>`;
}

function Agents({ part }) {
    const now = loadedAt.value || Date.now();
    return html`<section aria-labelledby="agents"><h2 id="agents">Agents <small>who sends, and whether that was agreed to</small></h2>
        <${Failure} error=${part.error} retry=${load} /><${Reading} part=${part} />
        ${part.rows?.length > 0 && html`<div class="scroll"><table><thead><tr><th>Host</th><th>Agent</th><th>State</th><th>Last heard (UTC)</th><th></th><th class="num">Events</th><th class="num">Frames</th><th class="num">Starts</th><th class="num">Waits in spool</th></tr></thead>
            <tbody>${part.rows.map(a => {
                const quiet = now - ms(a.last) > QUIET_MS;
                return html`<tr class=${quiet ? 'quiet' : ''}><td><a href=${link('search', { q: `host.name:${quote(a.host)}`, since: '1h' })}><${Text} text=${a.host} /></a></td><td class="mono">${a.agent}</td>
                    <td>${a.state === 'new' ? html`<b class="bad">▲ new: not agreed to</b>` : a.state}</td><td><time>${utc(a.last)}</time></td><td class="nowrap">${quiet ? html`<b>▲ silent for ${span(now - ms(a.last))}</b>` : '● heard'}</td>
                    <td class="num">${count(a.events)}</td><td class="num">${count(a.frames)}</td><td class="num">${count(a.starts)}</td><td class="num">${a.spool ? bytes(a.spool) : '0'}</td></tr>`;
            })}</tbody></table></div>`}
        ${part.rows && !part.rows.length && html`<${Empty} title="No agent has sent anything."><p>On this host: <code>dogwatch up</code>. On others: <code>dogwatch config init agent</code> writes a commented agent.yml; then start dogwatch-agent.</p></${Empty}>`}
        <${Whole} answer=${part.answer?.complete ? null : part.answer} /></section>`;
}

function Streams({ part }) {
    const list = [...(part.rows || [])].sort((a, b) => (wrong(b) ? 1 : 0) - (wrong(a) ? 1 : 0) || b.pending - a.pending || (a.host + a.file < b.host + b.file ? -1 : 1));
    return html`<section aria-labelledby="streams"><h2 id="streams">Ledger <small>the account of every file, those with a gap first</small></h2>
        <${Failure} error=${part.error} retry=${load} /><${Reading} part=${part} />
        ${part.rows?.length > 0 && html`<${Verdict} part=${part} /><div class="scroll"><table><thead><tr><th>Host</th><th>File</th><th>State</th><th class="num">Read</th><th class="num">= archived</th><th class="num">+ declared</th><th class="num">+ pending</th>
            <th class="num">+ unaccounted</th><th class="num">Came again</th><th></th></tr></thead>
            <tbody>${list.map(s => html`<tr class=${wrong(s) ? 'wrongrow' : ''}><td><${Text} text=${s.host} /></td><td><a href=${link('search', { q: `log.file.path:${quote(s.file)}`, since: '24h' })}><${Text} text=${s.file} limit=${200} /></a></td><td>${s.state}</td>
                ${['read', 'archived', 'declared', 'pending', 'unaccounted', 'again'].map(n => html`<td class="num">${count(s[n])}</td>`)}<td>${wrong(s) ? html`<b class="bad">▲ ${wrong(s)}</b>` : '✓'}</td></tr>`)}</tbody></table></div>`}
        ${part.rows && !part.rows.length && html`<${Empty} title="No file is accounted for yet."><p>An agent has not read anything. See what it finds: <code>dogwatch up</code> prints the logs that match and those it cannot read, with the command that mends it.</p></${Empty}>`}
        <${Whole} answer=${part.answer?.complete ? null : part.answer} /></section>`;
}

function Gaps({ part }) {
    return html`<section aria-labelledby="gaps"><h2 id="gaps">Gaps and chain findings <small>what the collector itself raised</small></h2>
        <${Failure} error=${part.error} retry=${load} /><${Reading} part=${part} />
        ${part.rows?.length > 0 && html`<div class="scroll"><table><thead><tr><th>Level</th><th>What</th><th>About</th><th>From (UTC)</th><th>To (UTC)</th><th>Status</th></tr></thead>
            <tbody>${[...part.rows].reverse().map(a => html`<tr><td><${Level} level=${a.rule?.level} /></td><td><a href=${link('alert', {}, a.event.id)}>${a.rule?.name}</a></td><td><${Text} text=${a.about || a.message || ''} limit=${200} /></td>
                <td><time>${utc(a.window?.start || a.raised)}</time></td><td><time>${utc(a.window?.end || a['@timestamp'])}</time></td><td>${a.workflow?.status.replace('_', ' ')}</td></tr>`)}</tbody></table></div>`}
        ${part.rows && !part.rows.length && html`<p>✓ No gap, no broken chain, no stranger: the collector raised nothing of its own.</p>`}
        <${Whole} answer=${part.answer?.complete ? null : part.answer} /></section>`;
}

function Archive({ part }) {
    const list = part.rows || [];
    return html`<section aria-labelledby="archive"><h2 id="archive">Archive <small>${plural(list.length, 'segment')}, ${bytes(list.reduce((s, x) => s + x.bytes, 0))} on disk</small></h2>
        <${Failure} error=${part.error} retry=${load} /><${Reading} part=${part} />
        ${list.length > 0 && html`<div class="scroll bounded" tabindex="0" aria-labelledby="archive"><table><thead><tr><th class="num">Segment</th><th>State</th><th class="num">On disk</th><th class="num">Text</th><th class="num">Ratio</th><th class="num">Events</th><th>From (UTC)</th><th>To (UTC)</th></tr></thead>
            <tbody>${[...list].reverse().map(s => html`<tr><td class="num">${s.segment}</td><td>${s.state}</td><td class="num">${bytes(s.bytes)}</td><td class="num">${s.text ? bytes(s.text) : '—'}</td><td class="num">${s.text ? (s.text / s.bytes).toFixed(1) : '—'}</td>
                <td class="num">${s.events ? count(s.events) : '—'}</td><td><time>${utc(s.from)}</time></td><td><time>${utc(s.to)}</time></td></tr>`)}</tbody></table></div>`}
        <p class="dim">Whether anything was changed, taken out or moved: <code>dogwatch archive verify</code> on the collector's host.</p></section>`;
}

export function Ledger() {
    useEffect(() => {
        load();
    }, []);
    useKeys({ r: { does: 'load again', run: load } }, { name: 'Agents and ledger' });
    return html`<main class="ledger" aria-label="Agents and ledger"><h1>Agents and ledger <button type="button" onClick=${load}>Load again <kbd>r</kbd></button>
        ${loadedAt.value > 0 && html`<small>as of ${utc(loadedAt.value)} UTC</small>`}</h1>
        <${Agents} part=${parts.agents.value} /><${Streams} part=${parts.ledger.value} /><${Gaps} part=${parts.gaps.value} /><${Archive} part=${parts.archive.value} />
    </main>`;
}
