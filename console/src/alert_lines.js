/*
 * alert_lines: the lines an alert rests on, and the lines of the same log around one of them.
 *
 * Invariant: every line that the alert names is marked as such, by a sign in its margin and not by colour alone.
 */
import { useEffect, useRef } from 'preact/hooks';
import { useSignal } from '@preact/signals';
import { rows } from './api.js';
import { flat, show } from './flat.js';
import { count, gap, ms, plural, rfc, utc } from './format.js';
import { html } from './html.js';
import { marksOf, partsOf } from './marks.js';
import { quote, term } from './query.js';
import { link } from './route.js';
import { Failure, Text, Whole } from './ui.js';

const AROUND_MS = 3600e3;
export const AROUND = [3, 10, 40, 160];

/* What is marked in a line: the parts that met conditions and the key of the alert; without an explanation, what it is about. */
export function marksIn(line, event, alert, explained) {
    const known = explained?.filter(x => x.event?.id === event.event.id) || [];
    const key = Object.values(alert.key || {});
    const met = known.flatMap(x => x.conditions);
    const about = /=(.*)/.exec(alert.about || '')?.[1] || '';
    return marksOf(line, [...partsOf(met), ...(met.length && !key.length ? [] : [...key, about].map(String))]);
}

export function Fields({ event }) {
    return html`<dl class="fields">${flat(event).filter(([name]) => name !== 'event.original').map(([name, value]) => html`<div>
        <dt>${name}</dt><dd><${Text} text=${show(value)} limit=${1000} />
        <a class="act" href=${link('search', { q: term(name, Array.isArray(value) ? value[0] : value), since: 'all' })} aria-label=${`search for this ${name}`}>search</a></dd></div>`)}</dl>`;
}

function Line({ e, before, at, isOpen, alert, explained, onAt, onOpen }) {
    const ref = useRef();
    useEffect(() => {
        if (at)
            ref.current?.scrollIntoView({ block: 'nearest' });
    }, [at]);
    if (e.unnamed)
        return html`<li class="unnamed">${plural(e.unnamed, 'event')} between are counted, not named. <a href=${eventsLink(alert)}>Search for all</a></li>`;
    if (e.absent)
        return html`<li class="unnamed bad">▲ <span class="mono">${e.event.id}</span> is not in this archive</li>`;
    const line = e.event.original ?? '';
    const apart = before && ms(e['@timestamp']) - ms(before['@timestamp']);
    return html`<li ref=${ref} class=${`line ${at ? 'at' : ''} named`} aria-current=${at ? 'true' : undefined} onClick=${onAt}>
        <span class="sign" title="named by the alert">▶</span>
        <time>${utc(e['@timestamp'], 3)}</time><span class="gap">${before ? `+${gap(Math.max(0, apart))}` : ''}</span>
        <span class="host">${e.host?.name}</span>
        <${Text} text=${line} marks=${marksIn(line, e, alert, explained)} />
        <button type="button" class="more" aria-expanded=${isOpen} onClick=${onOpen}>${isOpen ? 'less' : 'fields'}</button>
        ${isOpen && html`<${Fields} event=${e} />`}</li>`;
}

/* Where all events of an alert can be searched for: what it is about, in its window. */
export function eventsLink(alert) {
    const key = Object.entries(alert.key || {});
    const about = /^([\w.]+)=(.*)$/.exec(alert.about || '');
    const terms = key.length ? key : about ? [[about[1], about[2]]] : [];
    const q = terms.map(([k, v]) => term(k, v)).join(' and ') || (alert.first?.length ? `event.id:${quote(alert.first[0])}` : '*');
    const end = ms(alert.window?.end || alert['@timestamp']);
    return link('search', { q, since: rfc(ms(alert.window?.start || alert['@timestamp']) - 1000), until: rfc(end + 1000) });
}

export function Named({ events, at, opened, alert, explained, missing, answer, onAt, onOpen }) {
    let before = null;
    return html`<section aria-labelledby="named"><h2 id="named">What it rests on <small>${plural(alert.total || 0, 'event')}${missing ? `, ${count(missing)} not in the archive` : ''}</small></h2>
        <ol class="lines bounded" tabindex="0" aria-labelledby="named">${events.map((e, i) => {
            const line = html`<${Line} key=${e.event?.id || 'unnamed'} e=${e} before=${before} at=${i === at} isOpen=${opened === i} alert=${alert}
                explained=${explained} onAt=${() => onAt(i)} onOpen=${() => onOpen(i)} />`;
            if (e.event && !e.absent)
                before = e;
            return line;
        })}</ol>
        <${Whole} answer=${answer} /></section>`;
}

/* Lines of the same log before and after one event; those that the alert names keep their sign. */
export function Around({ event, step, alert, explained, onStep }) {
    const got = useSignal({ rows: [], answer: null, error: null, of: '' });
    const n = AROUND[step];
    useEffect(() => {
        if (!event?.event || event.absent)
            return undefined;
        const stop = new AbortController(), t = ms(event['@timestamp']);
        const params = { query: `event.id:${quote(event.event.id)} | context ${n}`, since: rfc(t - AROUND_MS), until: rfc(t + AROUND_MS) };
        rows('/api/v1/query', { params, signal: stop.signal }).then(
            r => {
                got.value = { rows: r.rows, answer: r.answer, error: null, of: event.event.id };
            },
            error => {
                if (error.name !== 'AbortError')
                    got.value = { ...got.value, error };
            });
        return () => stop.abort();
    }, [event?.event?.id, n]);
    if (!event?.event || event.absent)
        return null;
    const named = new Set([...(alert.first || []), ...(alert.last || [])]);
    return html`<section aria-labelledby="around"><h2 id="around">Lines around it <small><${Text} text=${`${event.host?.name || ''} ${event.log?.file?.path || ''}`} />, ${n} before and after, at most an hour away</small></h2>
        <${Failure} error=${got.value.error} />
        <ol class="lines">${got.value.rows.map(e => html`<li class=${`line ${e.event.id === event.event.id ? 'at' : ''} ${named.has(e.event.id) ? 'named' : ''}`}>
            <span class="sign" title=${named.has(e.event.id) ? 'named by the alert' : ''}>${named.has(e.event.id) ? '▶' : ''}</span><time>${utc(e['@timestamp'], 3)}</time>
            <${Text} text=${e.event.original} marks=${named.has(e.event.id) ? marksIn(e.event.original, e, alert, explained) : []} /></li>`)}</ol>
        <p><button type="button" disabled=${step === AROUND.length - 1} onClick=${() => onStep(1)}>More lines <kbd>]</kbd></button> ${' '}
        <button type="button" disabled=${!step} onClick=${() => onStep(-1)}>Fewer <kbd>[</kbd></button></p>
        ${got.value.answer && !got.value.answer.complete && html`<${Whole} answer=${got.value.answer} />`}
    </section>`;
}
