/*
 * api: what is asked of the collector.
 *
 * Invariants:
 *   (1) Every failure is an ApiError with a message, and a hint where there is one.
 *   (2) A 401 asks for a sign-in and then the request is made again: whoever waits for it does not notice.
 *   (3) Rows without a last line are a partial answer: it was cut off.
 */
import { signIn } from './session.js';

export class ApiError extends Error {
    constructor(status, { code, message, hint, text }) {
        super(message || `the collector answered ${status}`);
        Object.assign(this, { status, code: code || 'unknown', hint: hint || '', text: text || '' });
    }
}

const UNREACHABLE = {
    code: 'unreachable', message: 'The collector does not answer.',
    hint: 'Is it running (systemctl status dogwatch-collector, or dogwatch up)? Over SSH: does the tunnel stand?',
};

async function failure(response) {
    let said = {};
    try {
        said = (await response.json()).error || {};
    } catch {
        said = { message: `${response.status} ${response.statusText}`, hint: 'The answer is not one of the collector: is something between it and the browser?' };
    }
    return new ApiError(response.status, said);
}

function target(path, params) {
    const kept = Object.entries(params || {}).filter(([, v]) => v !== '' && v !== undefined && v !== null);
    return kept.length ? `${path}?${new URLSearchParams(kept)}` : path;
}

export async function ask(path, { params, method = 'GET', body, signal, mayBe401 = false } = {}) {
    for (;;) {
        let response;
        try {
            response = await fetch(target(path, params), {
                method, signal, credentials: 'same-origin', cache: 'no-store', redirect: 'error',
                headers: body ? { 'Content-Type': 'application/json' } : {},
                body: body ? JSON.stringify(body) : undefined,
            });
        } catch (e) {
            throw e.name === 'AbortError' ? e : new ApiError(0, UNREACHABLE);
        }
        if (response.ok)
            return response;
        const error = await failure(response);
        if (response.status !== 401 || mayBe401)
            throw error;
        await signIn();
    }
}

export async function json(path, how) {
    return (await ask(path, how)).json();
}

/* Gives each row's text to `each`, as it comes, and returns what the last line says. */
export async function lines(path, how, each) {
    const response = await ask(path, how);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '', last = '';
    try {
        for (;;) {
            const { done, value } = await reader.read();
            if (done)
                break;
            const parts = (rest + value).split('\n');
            rest = parts.pop();
            for (const line of parts) {
                if (last)
                    each(last);
                last = line;
            }
        }
    } catch (e) {
        if (e.name === 'AbortError')
            throw e;
    }
    return ending(last, each);
}

function ending(last, each) {
    const answer = last.startsWith('{"answer":') ? JSON.parse(last).answer : null;
    if (answer)
        return answer;
    if (last)
        each(last);
    return { complete: false, why: 'the answer was cut off', notes: [] };
}

/* The same with rows parsed: {rows, answer}. */
export async function rows(path, how) {
    const out = [];
    const answer = await lines(path, how, text => out.push(JSON.parse(text)));
    return { rows: out, answer };
}
