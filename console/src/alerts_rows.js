/*
 * alerts_rows: from alerts to the rows of the triage table. Pure: a list in, rows out.
 *
 * Idea: a row is a list of alerts; one alone is a list of one. So every action works on a row without asking which it is.
 */
import { LEVELS } from './ui.js';

export const OPEN = ['new', 'in_progress'];
const DONE = ['resolved', 'false_positive', 'closed'];

/* Which of the alerts a view takes. */
export function takes(view, workflow, me) {
    if (view === 'open')
        return OPEN.includes(workflow.status);
    if (view === 'mine')
        return OPEN.includes(workflow.status) && workflow.assignee === me;
    return view === 'done' ? DONE.includes(workflow.status) : true;
}

function rank(level) {
    const at = LEVELS.indexOf(level);
    return at < 0 ? LEVELS.length : at;
}

export function keyOf(alert) {
    return `${alert.rule?.id || ''}\n${alert.about || ''}`;
}

function row(alerts, id) {
    const newest = alerts.reduce((a, b) => (b['@timestamp'] > a['@timestamp'] ? b : a));
    const first = alerts.reduce((a, b) => (b.raised < a.raised ? b : a)).raised;
    return { id, alerts, newest, first, events: alerts.reduce((sum, a) => sum + (a.total || 0), 0), level: newest.rule?.level || '' };
}

/* The worst first, of one level the newest first. Groups are those of one rule about the same. */
export function rowsOf(alerts, { grouped = true, opened = new Set() } = {}) {
    const groups = new Map();
    for (const a of alerts) {
        const key = grouped ? keyOf(a) : a.event.id;
        groups.set(key, [...(groups.get(key) || []), a]);
    }
    const rows = [...groups].map(([key, list]) => row(list, list.length > 1 ? `g:${key}` : list[0].event.id));
    rows.sort((a, b) => rank(a.level) - rank(b.level) || (a.newest['@timestamp'] < b.newest['@timestamp'] ? 1 : -1));
    return rows.flatMap(r => (r.alerts.length > 1 && opened.has(r.id)
        ? [r, ...[...r.alerts].sort((a, b) => (a['@timestamp'] < b['@timestamp'] ? 1 : -1)).map(a => ({ ...row([a], a.event.id), within: r.id }))] : [r]));
}

export function countByLevel(alerts) {
    const counts = Object.fromEntries(LEVELS.map(l => [l, 0]));
    for (const a of alerts)
        counts[a.rule?.level] = (counts[a.rule?.level] || 0) + 1;
    return counts;
}

/* One value of a row's alerts, or how many there are. */
export function common(alerts, of) {
    const values = [...new Set(alerts.map(of))];
    return values.length > 1 ? `${values.length} different` : values[0];
}
