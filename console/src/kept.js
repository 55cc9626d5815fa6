/*
 * kept: what this browser remembers: theme, columns, saved searches, drafts. Never a code, a session or a line of a log.
 *
 * Invariant: a browser that keeps nothing (private window, full disk) loses memory, not function.
 */
export function load(name, otherwise = null) {
    try {
        return JSON.parse(localStorage.getItem(`dogwatch.${name}`)) ?? otherwise;
    } catch {
        return otherwise;
    }
}

export function save(name, value) {
    try {
        localStorage.setItem(`dogwatch.${name}`, JSON.stringify(value));
        return true;
    } catch {
        return false;
    }
}
