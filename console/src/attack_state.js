/*
 * attack_state: from rules and alerts to the matrix. Pure.
 *
 * Idea: a rule stands in the cell of each technique that it tags, below those tactics that it tags and the technique serves; sub-techniques
 * count for their technique. What the table does not know stands below all that the rule tags, a tactic as a column of its own: nothing that
 * a rule says is dropped.
 */
import { TACTICS, TECHNIQUES } from './attack_names.js';

const TECHNIQUE = /^attack\.(t\d{4})(\.\d{3})?$/, TACTIC = /^attack\.([a-z][a-z_-]+)$/;

export function tagsOf(rule) {
    const techniques = new Map(), tactics = [];
    for (const tag of rule.tags) {
        const t = TECHNIQUE.exec(tag.toLowerCase()), c = TACTIC.exec(tag.toLowerCase());
        if (t)
            techniques.set(t[1], [...(techniques.get(t[1]) || []), ...(t[2] ? [t[1] + t[2]] : [])]);
        else if (c)
            tactics.push(c[1].replaceAll('_', '-'));
    }
    return { techniques, tactics };
}

function columnsOf(rules) {
    const known = new Set(TACTICS.map(t => t[0])), more = new Set();
    for (const rule of rules)
        for (const t of tagsOf(rule).tactics)
            if (!known.has(t))
                more.add(t);
    return [...TACTICS, ...[...more].sort().map(t => [t, t.replaceAll('-', ' ')]), ['', 'No tactic tagged']];
}

/* The tactics of one technique of a rule; [''] where neither says one. */
function placesOf(id, tactics) {
    const own = TECHNIQUES.get(id)?.tactics, both = (own || []).filter(t => tactics.includes(t));
    return [both, own || [], tactics, ['']].find(list => list.length);
}

/* {columns: [{id, title, cells: [{id, name, rules, sub, alerts, matched}]}], unmapped: [rule]}; `alerts`: by rule id how many. */
export function matrix(rules, alerts) {
    const at = new Map(), unmapped = [];
    for (const rule of rules) {
        const { techniques, tactics } = tagsOf(rule);
        if (!techniques.size)
            unmapped.push(rule);
        for (const [id, sub] of techniques)
            for (const tactic of placesOf(id, tactics)) {
                const key = `${tactic}/${id}`, cell = at.get(key) || { tactic, id, name: TECHNIQUES.get(id)?.name || id.toUpperCase(), rules: [], sub: new Set(), alerts: 0, matched: 0 };
                cell.rules.push(rule);
                sub.forEach(s => cell.sub.add(s));
                cell.alerts += alerts.get(rule.id) || 0;
                cell.matched += rule.matched;
                at.set(key, cell);
            }
    }
    const columns = columnsOf(rules).map(([id, title]) => ({
        id, title, cells: [...at.values()].filter(c => c.tactic === id).sort((a, b) => b.alerts - a.alerts || b.rules.length - a.rules.length || (a.id < b.id ? -1 : 1)),
    }));
    return { columns: columns.filter(c => c.id || c.cells.length), unmapped };
}
