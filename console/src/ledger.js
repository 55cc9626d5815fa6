/*
 * ledger: does everything that was written arrive? Who sends, and the account of every byte: read = archived + declared + pending + unaccounted.
 *
 * Invariant: the sum is worked out here again for every stream; where it does not come out, that is said and never smoothed over.
 */
import { signal } from '@preact/signals';
import { bytes, count, ms, plural, span, utc } from './format.js';
import { html } from './html.js';
import { fillAll, list, part, Section, Sheet } from './parts.js';
import { quote } from './query.js';
import { link } from './route.js';
import { Empty, Level, Table, Text } from './ui.js';

const QUIET_MS = 60e3;
const GAPS = 'rule.id:(dogwatch.bytes.* or dogwatch.stream.* or dogwatch.chain.* or dogwatch.epoch.* or dogwatch.queue.* or dogwatch.agent.* or dogwatch.frame.* or dogwatch.archive.* or dogwatch.record.*)';
const PARTS = [['agents', '/api/v1/agents'], ['ledger', '/api/v1/ledger'], ['gaps', '/api/v1/alerts', { filter: GAPS }]];
const parts = Object.fromEntries(PARTS.map(([name]) => [name, part()]));
const loadedAt = signal(0);

async function load() {
    await fillAll(loadedAt, PARTS.map(([name, path, params]) => [parts[name], () => list(path, params)]));
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

function Verdict({ part }) {
    const t = sums(part.value), bad = part.value.filter(wrong);
    const ok = !bad.length && part.answer.complete;
    const term = (name, n, title) => html`<span class=${name === 'unaccounted' && n ? 'bad' : ''} title=${title}><b>${bytes(n)}</b> ${name}</span>`;
    return html`<div class="verdict-line"><strong class=${ok ? 'ok' : 'bad'}>${ok ? '✓ Every byte that was read is accounted for.' : bad.length ? `▲ ${plural(bad.length, 'stream')} with a gap.` : '▲ The account is partial.'}</strong>
        <p class="sum" aria-label="The account of all streams">${term('read', t.read, 'bytes the agents read')} = ${term('archived', t.archived, 'bytes in events')} + ${term('declared', t.declared, 'cut or let go, and said so')}
            + ${term('pending', t.pending, 'not handed over yet')} + ${term('unaccounted', t.unaccounted, 'nowhere')}</p></div>`;
}

const AGENT_COLUMNS = [['Host'], ['Agent', 'mono'], ['State'], ['Last heard (UTC)'], ['Heard'], ['Events', 'num'], ['Frames', 'num'], ['Starts', 'num'], ['Waits in spool', 'num']];

function agentRow(a, now) {
    const quiet = now - ms(a.last) > QUIET_MS;
    return { cls: quiet ? 'quiet' : '', cells: [
        html`<a href=${link('search', { q: `host.name:${quote(a.host)}`, since: '1h' })}><${Text} text=${a.host} /></a>`, a.agent,
        a.state === 'new' ? html`<b class="bad">▲ new: not agreed to</b>` : a.state, html`<time>${utc(a.last)}</time>`,
        quiet ? html`<b>▲ silent for ${span(now - ms(a.last))}</b>` : '● heard', count(a.events), count(a.frames), count(a.starts), a.spool ? bytes(a.spool) : '0',
    ] };
}

function Agents({ part }) {
    const now = loadedAt.value || Date.now();
    return html`<${Section} id="agents" title="Agents" note="who sends, and whether that was agreed to" part=${part} load=${load} what="Reading the archive">
        ${part.value?.length > 0 && html`<${Table} label="Agents" columns=${AGENT_COLUMNS} rows=${part.value.map(a => agentRow(a, now))} />`}
        ${part.value && !part.value.length && html`<${Empty} title="No agent has sent anything."><p>On this host: <code>dogwatch up</code>. On others: <code>dogwatch config init agent</code> writes a commented agent.yml; then start dogwatch-agent.</p></${Empty}>`}</${Section}>`;
}

const STREAM_COLUMNS = [['Host'], ['File'], ['State'], ['Read', 'num'], ['= archived', 'num'], ['+ declared', 'num'], ['+ pending', 'num'], ['+ unaccounted', 'num'], ['Came again', 'num'], ['Account']];

function streamRow(s) {
    const bad = wrong(s);
    return { cls: bad ? 'wrongrow' : '', cells: [
        html`<${Text} text=${s.host} />`, html`<a href=${link('search', { q: `log.file.path:${quote(s.file)}`, since: '24h' })}><${Text} text=${s.file} limit=${200} /></a>`, s.state,
        ...['read', 'archived', 'declared', 'pending', 'unaccounted', 'again'].map(n => count(s[n])), bad ? html`<b class="bad">▲ ${bad}</b>` : '✓ whole',
    ] };
}

function Streams({ part }) {
    const list = [...(part.value || [])].sort((a, b) => (wrong(b) ? 1 : 0) - (wrong(a) ? 1 : 0) || b.pending - a.pending || (a.host + a.file < b.host + b.file ? -1 : 1));
    return html`<${Section} id="streams" title="Ledger" note="the account of every file, those with a gap first" part=${part} load=${load} what="Reading the archive">
        ${list.length > 0 && html`<${Verdict} part=${part} /><${Table} label="Ledger" columns=${STREAM_COLUMNS} rows=${list.map(streamRow)} />`}
        ${part.value && !list.length && html`<${Empty} title="No file is accounted for yet."><p>An agent has not read anything. See what it finds: <code>dogwatch up</code> prints the logs that match and those it cannot read, with the command that mends it.</p></${Empty}>`}</${Section}>`;
}

const GAP_COLUMNS = [['Level'], ['What'], ['About'], ['From (UTC)'], ['To (UTC)'], ['Status']];

function gapRow(a) {
    return { cells: [
        html`<${Level} level=${a.rule?.level} />`, html`<a href=${link('alert', {}, a.event.id)}>${a.rule?.name}</a>`, html`<${Text} text=${a.about || a.message || ''} limit=${200} />`,
        html`<time>${utc(a.window?.start || a.raised)}</time>`, html`<time>${utc(a.window?.end || a['@timestamp'])}</time>`, a.workflow?.status.replace('_', ' '),
    ] };
}

function Gaps({ part }) {
    return html`<${Section} id="gaps" title="Gaps and chain findings" note="what the collector itself raised" part=${part} load=${load} what="Reading the archive">
        ${part.value?.length > 0 && html`<${Table} label="Gaps and chain findings" columns=${GAP_COLUMNS} rows=${[...part.value].reverse().map(gapRow)} />`}
        ${part.value && !part.value.length && html`<p>✓ No gap, no broken chain, no stranger: the collector raised nothing of its own.</p>`}</${Section}>`;
}

export function Ledger() {
    return html`<${Sheet} title="Agents and ledger" cls="ledger" load=${load} at=${loadedAt}>
        <${Agents} part=${parts.agents.value} /><${Streams} part=${parts.ledger.value} /><${Gaps} part=${parts.gaps.value} /></${Sheet}>`;
}
