/*
 * alert_state: all that the page of one alert shows, loaded part by part: what fails leaves the other parts standing.
 */
import { json } from './api.js';
import { fill, list, part } from './parts.js';

const COMPLAINTS = 'rule.id:(dogwatch.chain.* or dogwatch.frame.* or dogwatch.epoch.* or dogwatch.archive.* or dogwatch.bytes.conflict)';

export function make(id) {
    const s = { id, alert: part(), evidence: part(), explained: part(), history: part(), complaints: part(), rule: part() };
    s.load = () => Promise.all([
        fill(s.alert, async () => ({ value: await json(`/api/v1/alerts/${id}`) })),
        fill(s.evidence, () => list(`/api/v1/alerts/${id}/evidence`)),
        fill(s.explained, () => list(`/api/v1/alerts/${id}/explain`)),
        s.loadHistory(),
        fill(s.complaints, () => list('/api/v1/alerts', { filter: COMPLAINTS })),
        fill(s.rule, () => list('/api/v1/rules')),
    ]);
    s.loadHistory = () => fill(s.history, () => list(`/api/v1/alerts/${id}/history`));
    return s;
}

/* The events that the alert names, in its order, those that are not in the archive as {event: {id}, absent: true}; `unnamed` stands where it counted further ones. */
export function namedEvents(alert, evidence) {
    const byId = new Map(evidence.map(e => [e.event.id, e]));
    const one = id => byId.get(id) || { event: { id }, absent: true };
    const first = (alert.first || []).map(one), last = (alert.last || []).map(one);
    const unnamed = Math.max(0, (alert.total || 0) - first.length - last.length);
    return [...first, ...(unnamed ? [{ unnamed }] : []), ...last];
}

/* Words and state of the evidence: 'missing', 'doubt' or 'unproved'. Nothing is called proved that was not checked for this page. */
export function proof(alert, evidence, missing, complaints) {
    const agents = [...new Set(evidence.map(e => e.dogwatch?.agent).filter(Boolean))];
    const against = complaints.filter(c => c.event.id !== alert.event.id && agents.some(a => JSON.stringify(c).includes(a)));
    if (missing)
        return { state: 'missing', agents, against };
    return { state: against.length ? 'doubt' : 'unproved', agents, against };
}
