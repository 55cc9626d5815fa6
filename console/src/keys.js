/*
 * keys: one table of keys at a time.
 *
 * Idea: pages say which keys they have with `useKeys`; what was said last is asked first, a dialog hides all below it. The list
 * behind `?` is made of the same tables, so it cannot be out of date.
 *
 * Invariant: keys do nothing while text is typed, but Escape, which leaves the field.
 */
import { signal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';

const tables = [];
export const prefix = signal('');      /* "g" while the second key of "g a" is waited for */
let prefixTimer = 0;

/* keys: {"j": {does: "next", run}}; `modal` hides what is below. */
export function useKeys(keys, { modal = false, name = '' } = {}) {
    const entry = useRef({ keys, modal, name });
    entry.current.keys = keys;
    useLayoutEffect(() => {
        const mine = entry.current;
        tables.push(mine);
        return () => {
            tables.splice(tables.indexOf(mine), 1);
        };
    }, []);
}

/* [{name, keys: [[key, does]]}] for the list of keys, the page's own first. */
export function known() {
    return [...tables].reverse().filter(t => !t.modal && Object.keys(t.keys).length).map(t => ({
        name: t.name,
        keys: Object.entries(t.keys).filter(([, k]) => k.does).map(([key, k]) => [k.shown || key, k.does]),
    }));
}

function typing(target) {
    return target.matches?.('input:not([type=checkbox]), textarea, select, [contenteditable]');
}

function find(key) {
    for (let i = tables.length - 1; i >= 0; i--) {
        if (tables[i].keys[key])
            return tables[i].keys[key];
        if (tables[i].modal)
            return null;
    }
    return null;
}

function setPrefix(value) {
    clearTimeout(prefixTimer);
    prefix.value = value;
    if (value)
        prefixTimer = setTimeout(() => setPrefix(''), 2000);
}

function isPrefix(key) {
    return tables.some(t => Object.keys(t.keys).some(k => k.startsWith(`${key} `))) && !tables[tables.length - 1]?.modal;
}

function onKey(e) {
    if (e.ctrlKey || e.metaKey || e.altKey || e.isComposing)
        return;
    if (typing(e.target)) {
        if (e.key === 'Escape')
            e.target.blur();
        return;
    }
    const native = e.target.matches?.('button, a[href], summary, [role=menuitem]') && (e.key === 'Enter' || e.key === ' ');
    if (native)
        return;
    const name = prefix.value ? `${prefix.value} ${e.key}` : e.key;
    if (!prefix.value && isPrefix(name)) {
        setPrefix(name);
        e.preventDefault();
        return;
    }
    setPrefix('');
    const found = find(name);
    if (found) {
        e.preventDefault();
        found.run(e);
    }
}

export function listen() {
    addEventListener('keydown', onKey);
}
