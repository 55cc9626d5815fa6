/*
 * flat: an event as (name, value) pairs with names as queries write them: {"a":{"b":1}} is a.b = 1.
 *
 * Invariants: lists of plain values stay one value; nothing is left out; depth is bounded by what the API sends.
 */
function walk(value, name, out) {
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
        for (const key of Object.keys(value))
            walk(value[key], name ? `${name}.${key}` : key, out);
        return;
    }
    out.push([name, value]);
}

export function flat(event) {
    const out = [];
    walk(event, '', out);
    return out;
}

/* The value of a dotted name, also where a key itself has dots (rows of a table). */
export function get(event, name) {
    if (event === null || typeof event !== 'object')
        return undefined;
    if (Object.hasOwn(event, name))
        return event[name];
    for (let dot = name.indexOf('.'); dot > 0; dot = name.indexOf('.', dot + 1)) {
        const head = name.slice(0, dot);
        if (Object.hasOwn(event, head))
            return get(event[head], name.slice(dot + 1));
    }
    return undefined;
}

export function show(value) {
    if (value === undefined || value === null)
        return value === null ? 'null' : '';
    if (Array.isArray(value))
        return value.map(v => (v !== null && typeof v === 'object' ? JSON.stringify(v) : String(v))).join(', ');
    return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
