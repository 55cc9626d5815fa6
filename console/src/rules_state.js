/*
 * rules_state: what the alerts of the last week say about each rule. Pure: rows of the API in, numbers out.
 */
import { ms } from './format.js';

export const DAY_MS = 86400e3, DAYS = 7;

/* By rule id: {day: [alerts on each of the last seven days, the oldest first], week, today, last}. */
export function alertsByRule(alerts, now) {
    const by = new Map();
    for (const a of alerts) {
        const id = a.rule?.id || '', at = ms(a.raised), ago = Math.floor((now - at) / DAY_MS);
        const r = by.get(id) || { day: Array(DAYS).fill(0), week: 0, last: 0 };
        r.week++;
        r.day[DAYS - 1 - Math.min(DAYS - 1, Math.max(0, ago))]++;
        r.last = Math.max(r.last, at);
        by.set(id, r);
    }
    return by;
}

export const NOTHING = { day: Array(DAYS).fill(0), week: 0, last: 0 };

/* Whether a rule does what it is there for, in a word. */
export function stateOf(rule, events) {
    if (rule.undecided)
        return 'undecided';
    if (rule.matched)
        return 'matches';
    if (rule.correlation)
        return 'waits';
    return rule.evaluated ? 'tried' : events ? 'not tried' : 'no events';
}

/* The rules that a text names: part of the title, id, tag or level, without regard to case. */
export function wanted(rules, text) {
    const t = text.trim().toLowerCase();
    return !t ? rules : rules.filter(r => [r.title, r.id, r.level, r.file, ...r.tags].some(v => String(v).toLowerCase().includes(t)));
}
