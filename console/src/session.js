/*
 * session: who looks at the page.
 *
 * Idea: a sign-in is a promise that requests wait for. The page below it stays as it is, so a half-written note is still there
 * when the session has gone and come again.
 */
import { signal } from '@preact/signals';
import { ApiError, ask, json } from './api.js';

export const session = signal(null);       /* {who, role, expires} */
export const asking = signal(false);       /* whether the sign-in stands over the page */
export const refused = signal('');         /* why the last code was not taken */
let waiting = null;

/* Resolves when somebody has signed in; any number may wait. */
export function signIn() {
    if (!waiting) {
        waiting = {};
        waiting.promise = new Promise(resolve => {
            waiting.resolve = resolve;
        });
        asking.value = true;
    }
    return waiting.promise;
}

/* The code in what was pasted: the code alone, or the link with it. */
export function codeIn(text) {
    const m = /#code=([^&\s]+)/.exec(text);
    return m ? decodeURIComponent(m[1]) : text.trim();
}

export async function exchange(text) {
    try {
        session.value = await json('/api/v1/session', { method: 'POST', body: { code: codeIn(text) }, mayBe401: true });
    } catch (e) {
        refused.value = e instanceof ApiError && e.status === 401
            ? 'This code is wrong, was used before, or is over: each is good once, for ten minutes.' : `${e.message} ${e.hint || ''}`;
        return false;
    }
    refused.value = '';
    asking.value = false;
    waiting?.resolve();
    waiting = null;
    return true;
}

/* The code of the link leaves the address before anything else, so that no history keeps it. */
export function takeCode() {
    const here = /^#code=/.test(location.hash) ? location.hash : '';
    if (here)
        history.replaceState(null, '', location.pathname + location.search);
    return here;
}

/* Who is here. The page asks for its rows meanwhile: a request that came too early waits for the sign-in. */
export async function begin() {
    try {
        session.value = await json('/api/v1/session', { mayBe401: true });
    } catch (e) {
        if (!(e instanceof ApiError) || e.status !== 401)
            throw e;
        await signIn();
    }
}

export async function end() {
    await ask('/api/v1/session/end', { method: 'POST', body: {}, mayBe401: true });
    session.value = null;
    signIn();
}
