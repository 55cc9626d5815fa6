/*
 * policies: what alerts propose to block at a gateway, what people decided, and the text for the gateway.
 *
 * Invariants:
 *   (1) Impact first: the buttons that decide stand below what the archive says the decision would have hit.
 *   (2) What is copied is the collector's own text of the entries that are active: nothing is made here.
 */
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { ask, json } from './api.js';
import { idOf } from './entity_state.js';
import { count, ms, plural, span, utc } from './format.js';
import { html } from './html.js';
import { fill, fillAll, list, part, Reading, reset, Section, Sheet } from './parts.js';
import { link } from './route.js';
import { Empty, Failure, Level, say, Table, Text } from './ui.js';

export const TARGETS = ['nginx', 'haproxy', 'nftables', 'crs', 'envoy', 'networkpolicy'];
const STATES = { proposed: '○ proposed', active: '● active', expired: '◌ expired', rolled_back: '◌ taken back', refused: '▲ refused' };
const ORDER = Object.keys(STATES), SPANS = [['', 'as configured'], ['1h', '1 hour'], ['24h', '24 hours'], ['7d', '7 days'], ['30d', '30 days']];
const HOURS = { '1h': 1, '24h': 24, '7d': 168, '30d': 720 };
const entries = part(), impact = part(), text = part(), loadedAt = signal(0), opened = signal(''), target = signal('nginx'), proposed = signal(false), failed = signal(null);

async function load() {
    await fillAll(loadedAt, [[entries, () => list('/api/v1/policies')]]);
    await loadText();
}

function loadText() {
    reset(text); /* what is shown, and copied, is never of another language */
    return fill(text, async () => ({ value: await (await ask(`/api/v1/policy/${target.value}`, { params: { proposed: proposed.value ? 'yes' : '' } })).text() }));
}

function open(id) {
    opened.value = opened.value === id ? '' : id;
    failed.value = null;
    reset(impact);
    if (opened.value)
        fill(impact, async () => ({ value: await json(`/api/v1/policies/${id}/impact`) }));
}

async function decide(entry, state, form) {
    const hours = HOURS[form?.elements.until?.value], reason = form?.elements.reason?.value.trim();
    const body = { state, ...(hours ? { until: new Date(Date.now() + hours * 3600e3).toISOString() } : {}), ...(reason ? { reason } : {}) };
    try {
        const now = await json(`/api/v1/policies/${entry.id}`, { method: 'PATCH', body });
        failed.value = null;
        say(state === 'approved' ? `${entry.address} is active until ${utc(now.until)}: gateways that ask get it.` : `${entry.address} was taken back.`);
        await load();
    } catch (error) {
        failed.value = error;
    }
}

function Impact({ of, entry }) {
    const fact = (name, value) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
    return html`<p>The gateway's own match would have hit <b>${plural(of.requests, 'request')}</b> of the archive${of.first ? html`, <time>${utc(of.first)}</time> to <time>${utc(of.last)}</time>` : ''}; <b>${count(of.within)}</b> of them between the first alert and the end of the entry.</p>
        <dl class="facts">${fact('Answered below 400', count(of.answered))}${fact('With an account', `${count(of.with_user)}, ${plural(of.users, 'account')}${of.more ? ' and more' : ''}`)}${fact('User agents', `${count(of.agents)}${of.more ? ' and more' : ''}`)}
        ${fact('Only named, not proved', plural(of.claimed, 'line'))}${fact('Legitimacy', of.legitimacy === 'known' ? 'known: accounts tell whose they were' : html`<b class="hint">▲ unknown: nobody was logged in, or it is not logged</b>`)}</dl>
        ${!of.complete && html`<p class="hint">▲ partial: not all of the archive was read.</p>`}
        <p><a href=${link('entity', { since: '7d' }, idOf('source.ip', entry.address))}>Look at it over time</a></p>`;
}

function Decide({ entry }) {
    const can = entry.state !== 'refused';
    if (entry.state === 'active')
        return html`<form class="bar" onSubmit=${e => {
            e.preventDefault();
            decide(entry, 'rolled_back', e.target);
        }}><label>Why <input name="reason" type="text" autocomplete="off" /></label><button type="submit">Take back</button></form>`;
    return can && html`<form class="bar" onSubmit=${e => {
        e.preventDefault();
        decide(entry, 'approved', e.target);
    }}><label>For <select name="until">${SPANS.map(([v, t]) => html`<option value=${v}>${t}</option>`)}</select></label><label>Why <input name="reason" type="text" autocomplete="off" /></label><button type="submit">Approve</button></form>`;
}

function Detail({ entry }) {
    const p = impact.value;
    return html`<div class="rule-detail"><${Reading} part=${p} what="Reading the archive: what would it have hit" /><${Failure} error=${p.error} retry=${() => {
        opened.value = '';
        open(entry.id);
    }} />
        ${p.value && html`<${Impact} of=${p.value} entry=${entry} />`}
        ${entry.causes.length > 0 && html`<ul class="unmapped">${entry.causes.map(c => html`<li><${Level} level=${c.level} /> <a href=${link('alert', {}, c.id)}><${Text} text=${c.title} /></a></li>`)}
            ${entry.alerts > entry.causes.length && html`<li>and ${plural(entry.alerts - entry.causes.length, 'more alert')}</li>`}</ul>`}
        ${entry.reason && html`<p>${entry.author}: <${Text} text=${entry.reason} /></p>`}
        ${p.value && html`<${Decide} entry=${entry} />`}<${Failure} error=${failed.value} /></div>`;
}

const COLUMNS = [['State'], ['Address', 'wide'], ['Provenance'], ['Alerts', 'num'], ['Events', 'num'], ['First (UTC)'], ['Newest (UTC)'], ['Ends (UTC)'], ['Decided by']];

function row(e) {
    const isOpen = opened.value === e.id;
    return { cls: isOpen ? 'at' : '', cells: [
        html`<span class=${e.state === 'refused' ? 'hint' : ''}>${STATES[e.state] || e.state}</span>`,
        html`<button type="button" class="plain mono" aria-expanded=${isOpen} onClick=${() => open(e.id)}>${isOpen ? '▾' : '▸'} ${e.address}</button>${e.why && html` <small class="hint">${e.why}</small>`}${isOpen && html`<${Detail} entry=${e} />`}`,
        e.provenance, count(e.alerts), count(e.events), e.since ? html`<time>${utc(e.since)}</time>` : '—', e.last ? html`<time>${utc(e.last)}</time>` : '—',
        e.until ? html`<time>${utc(e.until)}</time>${e.state === 'active' ? html` <small>in ${span(ms(e.until) - Date.now())}</small>` : ''}` : '—', e.author || '—',
    ] };
}

async function copy() {
    if (!text.value.value)
        return;
    try {
        await navigator.clipboard.writeText(text.value.value);
        say(`Copied: the active entries for ${target.value}.`);
    } catch {
        say('The browser does not let this page copy: select the text below.', { failed: true });
    }
}

function Config() {
    return html`<${Section} id="config" title="For the gateway" note="active entries in its own language; a gateway can also ask for it by itself" part=${text.value} load=${loadText} what="Writing it">
        <div class="bar"><label>Language <select onChange=${e => {
            target.value = e.target.value;
        }}>${TARGETS.map(t => html`<option value=${t} selected=${t === target.value}>${t}</option>`)}</select></label>
            <label class="check"><input type="checkbox" checked=${proposed.value} onChange=${e => {
                proposed.value = e.target.checked;
            }} /> also those that wait, as comments</label>
            <button type="button" disabled=${!text.value.value} onClick=${copy}>Copy <kbd>c</kbd></button></div>
        ${text.value.value && html`<pre class="config" tabindex="0" aria-label=${`Configuration for ${target.value}`}>${text.value.value}</pre>`}
        <p class="dim">On a host: <code>dogwatch policy ${target.value}${proposed.value ? ' --proposed' : ''}</code>; what a file there lacks: <code>dogwatch policy diff ${target.value} FILE</code>. Over HTTP: <code>/api/v1/policy/${target.value}</code>, changes alone: <code>/api/v1/policies/changes</code>.</p>
    </${Section}>`;
}

function close() {
    opened.value = '';
    reset(impact);
}

export function Policies() {
    useEffect(() => close, []); /* an impact that was looked at before is none to decide by */
    useEffect(() => {
        loadText();
    }, [target.value, proposed.value]);
    const all = entries.value.value, shown = [...(all || [])].sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || (a.last < b.last ? 1 : -1));
    return html`<${Sheet} title="Policies" cls="policies" load=${load} at=${loadedAt} keys=${{ c: { does: 'copy the configuration', run: copy }, Escape: { does: 'close the entry', run: close } }}>
        <${Section} id="entries" title="Entries" note="nothing is blocked that nobody approved; each ends by itself" part=${entries.value} load=${load} what="Asking which addresses alerts name">
            ${shown.length > 0 && html`<${Table} label="Entries" columns=${COLUMNS} rows=${shown.map(row)} />`}
            ${all && !all.length && html`<${Empty} title="Nothing to block."><p>No alert names an address that could be. Those that only a header or a body names, and those of your own networks, would stand here as refused, with the reason.</p></${Empty}>`}
        </${Section}><${Config} /></${Sheet}>`;
}
