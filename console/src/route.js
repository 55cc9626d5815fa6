/*
 * route: where the page is, kept in the address behind #, so that a link, a reload and the back key all lead to the same view.
 */
import { signal } from '@preact/signals';

const last = new Map();
export const route = signal({ page: 'alerts', id: '', params: {} });

/* Typed by hand, it may be no encoding at all. */
function decoded(text) {
    try {
        return decodeURIComponent(text);
    } catch {
        return text;
    }
}

export function parse(hash) {
    const text = hash.replace(/^#\/?/, ''), [path, query] = [text.split('?')[0], text.split('?').slice(1).join('?')];
    const slash = path.indexOf('/'), page = slash < 0 ? path : path.slice(0, slash), id = slash < 0 ? '' : path.slice(slash + 1);
    return { page: page || 'alerts', id: decoded(id), params: Object.fromEntries(new URLSearchParams(query || '')) };
}

export function link(page, params = {}, id = '') {
    const kept = Object.entries(params).filter(([, v]) => v !== '' && v !== undefined && v !== null);
    const query = new URLSearchParams(kept).toString();
    return `#/${page}${id ? `/${encodeURIComponent(id)}` : ''}${query ? `?${query}` : ''}`;
}

/* Where a page was left: its filter, query and range are still there when one comes back. */
export function lastOf(page) {
    return last.get(page) || link(page);
}

function take() {
    const now = parse(location.hash);
    if (JSON.stringify(now) !== JSON.stringify(route.value))
        route.value = now;
    if (!now.id)
        last.set(now.page, location.hash || link(now.page));
}

/* The event that the browser sends comes later than the next key may: the route is taken at once. */
export function go(hash) {
    location.hash = hash;
    take();
}

/* Changes parameters of this page; an empty one goes. */
export function setParams(changes) {
    const { page, id, params } = route.value;
    go(link(page, { ...params, ...changes }, id));
}

export function listen() {
    addEventListener('hashchange', take);
    take();
}
