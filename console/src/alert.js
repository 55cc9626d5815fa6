/*
 * alert: one alert: why it was raised, the lines that prove it, the lines around them, and what people did about it.
 */
import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { alerts } from './alerts_state.js';
import { OPEN, rowsOf } from './alerts_rows.js';
import { make, namedEvents, proof } from './alert_state.js';
import { Around, AROUND, eventsLink, Named } from './alert_lines.js';
import { Notes } from './alert_notes.js';
import { isOwn, Why } from './alert_why.js';
import { closeFalse, statusMenu, take, undo, workflowOf } from './changes.js';
import { idOf, KINDS } from './entity_state.js';
import { count, ms, plural, span, utc } from './format.js';
import { html } from './html.js';
import { useKeys } from './keys.js';
import { term } from './query.js';
import { go, lastOf, link, route } from './route.js';
import { Empty, Failure, Level, Menu, say, STATUS_TEXT, Text } from './ui.js';

function Head({ alert }) {
    const w = workflowOf(alert);
    return html`<div class="head"><h1><${Level} level=${alert.rule?.level} /> <span>${alert.rule?.name}</span></h1>
        <p><${Text} text=${alert.about || ''} /> ${alert.host?.name && html`on <b><${Text} text=${alert.host.name} /></b>`}
            ${!isOwn(alert) && html`<a href=${eventsLink(alert)}>Search for its events</a>`}
            ${entityOf(alert) && html`<a href=${link('entity', { since: '7d' }, entityOf(alert))}>${entityOf(alert).split('=')[0]} over time</a>`}
            <a href=${link('alerts', { filter: aboutFilter(alert), view: 'all', since: 'all' })}>Other alerts about the same</a></p>
        <dl class="facts"><div><dt>Raised (UTC)</dt><dd><time>${utc(alert.raised)}</time></dd></div><div><dt>Newest event (UTC)</dt><dd><time>${utc(alert['@timestamp'])}</time>, ${span(Date.now() - ms(alert['@timestamp']))} ago</dd></div>
            <div><dt>Events</dt><dd>${count(alert.total || 0)}</dd></div>
            <div><dt>Status</dt><dd class="status">${STATUS_TEXT[w.status] || w.status}</dd></div><div><dt>Disposition</dt><dd>${(w.disposition || '').replace('_', ' ')}</dd></div>
            <div><dt>Assignee</dt><dd>${w.assignee || '—'}</dd></div></dl></div>`;
}

/* The first entity that it is about, as the page Entity names it; '' without one. */
function entityOf(alert) {
    const named = [...Object.entries(alert.key || {}), ...[/^([\w.]+)=([^\s,]+)/.exec(alert.about || '')?.slice(1)].filter(Boolean)].find(([k]) => KINDS.includes(k));
    return named ? idOf(named[0], named[1]) : '';
}

function aboutFilter(alert) {
    const m = /^([\w.]+)=([^,]*)/.exec(alert.about || '');
    return m ? term(m[1], m[2]) : term('rule.id', alert.rule?.id);
}

const STATES = {
    missing: ['▲ missing', 'Events that the alert names are not in the archive.'],
    doubt: ['▲ in doubt', 'The collector has findings against the chain of an agent whose lines these are.'],
    unproved: ['○ not proved here', 'All named events are in the archive, and no finding is against the chains they came in. This page does not check signatures.'],
};

function between(what, numbers) {
    const least = Math.min(...numbers), most = Math.max(...numbers);
    return least === most ? `${what} ${least}` : `${what} ${least} to ${most}`;
}

function Proof({ alert, evidence, complaints }) {
    if (evidence.error)
        return html`<section aria-labelledby="proof"><h2 id="proof">Proof of the evidence</h2><${Failure} error=${evidence.error} /></section>`;
    if (!evidence.value)
        return html`<section aria-labelledby="proof"><h2 id="proof">Proof of the evidence</h2><p class="loading">Reading the archive …</p></section>`;
    if (isOwn(alert))
        return html`<section aria-labelledby="proof" class="proof"><h2 id="proof">Proof of the evidence</h2><p><strong class="badge">○ no events</strong> This alert is about the chain itself and names no events.</p>
            <p class="dim">On the collector's host: <code>dogwatch archive verify</code> checks every signature and the log of the archive.</p></section>`;
    const missing = evidence.answer?.missing || 0;
    const { state, agents, against } = proof(alert, evidence.value, missing, complaints.value || []);
    const frames = evidence.value.map(e => e.dogwatch?.frame).filter(n => n !== undefined), intake = evidence.value.map(e => e.dogwatch?.intake);
    return html`<section aria-labelledby="proof" class=${`proof ${state}`}><h2 id="proof">Proof of the evidence</h2>
        <p><strong class="badge">${STATES[state][0]}</strong> ${STATES[state][1]}</p>
        <p>${count(evidence.value.length)} of ${count(evidence.value.length + missing)} named events are in the archive${missing && evidence.answer.let_go ? `, of which ${plural(evidence.answer.let_go, 'segment')} ${evidence.answer.let_go === 1 ? 'was' : 'were'} let go` : ''}${frames.length
            ? html`, ${between('frame', frames)}, ${between('intake', intake)}, of agent ${agents.map((a, i) => html`${i ? ', ' : ''}<code>${a}</code>`)}` : ''}.</p>
        ${against.length > 0 && html`<ul>${against.map(c => html`<li><a href=${link('alert', {}, c.event.id)}>${c.rule?.name}</a> <time>${utc(c['@timestamp'])}</time></li>`)}</ul>`}
        ${complaints.error && html`<p class="hint">Findings against chains could not be asked for: ${complaints.error.message}</p>`}
        <p><a href=${link('archive')}>Check the archive</a></p>
        <p class="dim">On the collector's host: <code>dogwatch archive verify</code> checks every signature and the log of the archive.</p></section>`;
}

/* The alert after or before this one in the triage list. */
function step(id, d) {
    const open = rowsOf(alerts.value.filter(a => OPEN.includes(workflowOf(a).status) || a.event.id === id), { grouped: false });
    const at = open.findIndex(r => r.id === id);
    const next = open[at + d];
    if (at < 0 || !next)
        return say(d > 0 ? 'This is the last open alert.' : 'This is the first open alert.');
    return go(link('alert', {}, next.id));
}

function keysOf({ alert, events, at, opened, around, menu, after }) {
    const real = () => events.map((e, i) => [e, i]).filter(([e]) => e.event && !e.absent).map(([, i]) => i);
    const move = d => {
        const list = real();
        at.value = list[Math.min(list.length - 1, Math.max(0, list.indexOf(at.value) + d))] ?? 0;
    };
    const toggle = () => {
        opened.value = opened.value === at.value ? -1 : at.value;
    };
    const then = async work => {
        await work;
        after();
    };
    const more = d => {
        around.value = Math.min(AROUND.length - 1, Math.max(0, around.value + d));
    };
    return {
        j: { does: 'next line', shown: 'j ↓', run: () => move(1) }, ArrowDown: { run: () => move(1) }, k: { does: 'previous line', shown: 'k ↑', run: () => move(-1) }, ArrowUp: { run: () => move(-1) },
        Enter: { does: 'fields of the line', shown: 'Enter o', run: toggle }, o: { run: toggle },
        a: { does: 'take: in progress, and mine', run: () => then(take([alert])) },
        s: { does: 'status …', run: () => {
            menu.value = true;
        } },
        e: { does: 'close as false positive', run: () => then(closeFalse([alert])) },
        u: { does: 'undo', run: () => then(undo()) },
        J: { does: 'next open alert', run: () => step(alert.event.id, 1) }, K: { does: 'previous open alert', run: () => step(alert.event.id, -1) },
        ']': { does: 'more lines around, earlier and later', run: () => more(1) }, '[': { does: 'fewer', run: () => more(-1) },
        q: { does: 'search for its events', run: () => go(eventsLink(alert)) },
        Escape: { does: 'back to the alerts', run: () => go(lastOf('alerts')) },
    };
}

function Body({ s, alert }) {
    const at = useSignal(-1), opened = useSignal(-1), around = useSignal(1), menu = useSignal(false);
    const evidence = s.evidence.value, explained = s.explained.value;
    const events = evidence.value ? namedEvents(alert, evidence.value) : [];
    if (at.value < 0 && events.length)
        at.value = Math.max(0, events.findIndex(e => e.event?.id === alert.cause));
    const event = events[at.value];
    const after = () => s.loadHistory();
    useKeys(keysOf({ alert, events, at, opened, around, menu, after }), { name: 'Alert' });
    const rule = s.rule.value.value?.find(r => r.id === alert.rule?.id);
    return html`<div class="columns"><div>
            <${Why} alert=${alert} rule=${rule} explained=${explained} eventId=${event?.event?.id} />
            ${evidence.value && events.length > 0 && html`<${Named} events=${events} at=${at.value} opened=${opened.value} alert=${alert} explained=${explained.value} missing=${evidence.answer?.missing}
                answer=${evidence.answer?.complete ? null : evidence.answer} onAt=${i => {
                at.value = i;
            }} onOpen=${i => {
                opened.value = opened.value === i ? -1 : i;
            }} />`}
            <${Around} event=${event} step=${around.value} alert=${alert} explained=${explained.value} onStep=${d => {
                around.value += d;
            }} />
        </div><div>
            <div class="actions" role="toolbar" aria-label="What to do with the alert">
                <button type="button" onClick=${async () => {
                    await take([alert]);
                    after();
                }}>Take <kbd>a</kbd></button>
                <button type="button" onClick=${() => {
                    menu.value = true;
                }}>Status <kbd>s</kbd></button>
                <button type="button" onClick=${async () => {
                    await closeFalse([alert]);
                    after();
                }}>False positive <kbd>e</kbd></button>
                <button type="button" onClick=${async () => {
                    await undo();
                    after();
                }}>Undo <kbd>u</kbd></button>
            </div>
            <${Notes} id=${alert.event.id} history=${s.history.value} reload=${after} />
            <${Proof} alert=${alert} evidence=${evidence} complaints=${s.complaints.value} />
        </div></div>
        ${menu.value && html`<${Menu} title="Status of this alert" items=${statusMenu([alert]).map(i => ({ ...i, run: () => Promise.resolve(i.run()).then(after) }))} onClose=${() => {
            menu.value = false;
        }} />`}`;
}

export function Alert() {
    const id = route.value.id;
    const s = useMemo(() => make(id), [id]);
    useEffect(() => {
        s.load();
    }, [s]);
    const { value: alert, error } = s.alert.value;
    const gone = error?.code === 'not_found';
    return html`<main class="alert" aria-label="Alert">
        <p class="back"><a href=${lastOf('alerts')}>‹ Alerts</a></p>
        ${gone ? html`<${Empty} title="There is no such alert here."><p><${Text} text=${`${error.message}. ${error.hint}`} /></p><ul><li><a href="#/alerts?since=all&view=all">All alerts</a></li></ul></${Empty}>`
            : html`<${Failure} error=${error} retry=${s.load} />`}
        ${!alert && !error && html`<p class="loading" role="status">Loading the alert …</p>`}
        ${alert && html`<${Head} alert=${alert} /><${Body} s=${s} alert=${alert} />`}
    </main>`;
}
