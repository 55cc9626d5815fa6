/*
 * alerts_state: the alerts that the triage page and the alert page look at, and the load that keeps them new.
 *
 * Invariants:
 *   (1) A load that was overtaken by a newer one changes nothing.
 *   (2) What was shown stays shown while a load runs or fails: a page that empties itself at 3 a.m. is worse than an old one.
 */
import { signal } from '@preact/signals';
import { rows } from './api.js';
import { plural } from './format.js';
import { keyOf } from './alerts_rows.js';
import { listed } from './changes.js';
import { say } from './ui.js';

const ALERTS_MAX = 1000, NEWEST = 50;
export const alerts = signal([]);
export const answer = signal(null);
export const error = signal(null);
export const loaded = signal('');            /* what the list answers: filter and range */
export const closedFalse = signal(new Map()); /* rule and about -> how often closed as false positive */
let running = 0;

const ask = ({ filter = '', since = '24h', silenced = '' }, limit) => rows('/api/v1/alerts', { params: { filter, since: since === 'all' ? '' : since, silenced, limit } });
const nameOf = p => JSON.stringify([p.filter, p.since, p.silenced]);

export async function load(p) {
    const mine = ++running, what = nameOf(p), askedAt = performance.now();
    try {
        const got = await ask(p, ALERTS_MAX);
        if (mine !== running)
            return;
        if (loaded.value === what)
            announce(got.rows);
        alerts.value = got.rows;
        answer.value = got.answer;
        error.value = null;
        listed(got.rows.map(a => a.event.id), askedAt);
    } catch (e) {
        if (mine !== running)
            return;
        error.value = e;
    }
    loaded.value = what;
}

/* Only the newest few, laid over what is there: a list of a thousand alerts with their evidence is megabytes. */
export async function refresh(p) {
    const mine = running, askedAt = performance.now();
    if (loaded.value !== nameOf(p) || error.value)
        return load(p);
    try {
        const got = await ask(p, NEWEST), known = new Set(alerts.value.map(a => a.event.id)), fresh = new Map(got.rows.map(a => [a.event.id, a]));
        if (mine !== running)
            return undefined;
        if (got.rows.length === NEWEST && !got.rows.some(a => known.has(a.event.id)))
            return load(p); /* more came than were asked for */
        announce(got.rows);
        alerts.value = [...alerts.value.map(a => fresh.get(a.event.id) || a), ...got.rows.filter(a => !known.has(a.event.id))];
        listed([...fresh.keys()], askedAt);
    } catch (e) {
        if (mine === running)
            error.value = e;
    }
    return undefined;
}

function announce(fresh) {
    const known = new Set(alerts.value.map(a => a.event.id));
    const added = fresh.filter(a => !known.has(a.event.id));
    if (added.length)
        say(`${plural(added.length, 'new alert')}, the newest: ${added[added.length - 1].rule?.name}`);
}

/* How often people closed the same before: a hint, so a failure of it is not worth a message. */
export async function loadClosed() {
    try {
        const got = await rows('/api/v1/alerts', { params: { filter: 'disposition:false_positive', since: '90d', limit: ALERTS_MAX } });
        const counts = new Map();
        for (const a of got.rows)
            counts.set(keyOf(a), (counts.get(keyOf(a)) || 0) + 1);
        closedFalse.value = counts;
    } catch {
        closedFalse.value = new Map();
    }
}
