/*
 * changes: what people say of alerts, from any page.
 *
 * Idea: a change shows at once and is then sent; if it fails, the row goes back and the failure is said. Undo is one more change
 * with the values of before, so the history has both: nothing is unsaid.
 *
 * Invariants:
 *   (1) `overlay` holds the workflow of an alert from the moment of a change until a list that was asked for after the API
 *       had answered: an older list does not take a change back, and a newer one shows what others did since.
 *   (2) At most SENDING requests are open at a time: ten alerts do not take all of the collector's workers.
 */
import { signal } from '@preact/signals';
import { ask, json } from './api.js';
import { plural } from './format.js';
import { session } from './session.js';
import { say } from './ui.js';

const SENDING = 4, UNDO_MAX = 50;
export const overlay = signal(new Map());      /* alert id -> workflow */
const done = [];                               /* [{what, before: [[id, workflow]]}] */
let changes = 0;
const settled = new Map();                     /* alert id -> when the API had answered; absent while it has not */

export function workflowOf(alert) {
    return overlay.value.get(alert.event.id) || alert.workflow;
}

function show(entries) {
    const next = new Map(overlay.value);
    for (const [id, workflow] of entries)
        next.set(id, workflow);
    overlay.value = next;
}

/* A list with these alerts, asked for at `askedAt`, has come. */
export function listed(ids, askedAt) {
    const over = ids.filter(id => settled.get(id) < askedAt);
    if (!over.length)
        return;
    const next = new Map(overlay.value);
    for (const id of over) {
        next.delete(id);
        settled.delete(id);
    }
    overlay.value = next;
}

async function send(jobs) {
    const failed = [];
    const queue = [...jobs];
    const work = async () => {
        for (let job = queue.shift(); job; job = queue.shift()) {
            settled.delete(job.id);
            try {
                const alert = await json(`/api/v1/alerts/${job.id}`, { method: 'PATCH', body: job.patch });
                show([[job.id, alert.workflow]]);
            } catch (error) {
                show([[job.id, job.before]]);
                failed.push({ id: job.id, error });
            }
            settled.set(job.id, performance.now());
        }
    };
    await Promise.all(Array.from({ length: Math.min(SENDING, jobs.length) }, work));
    return failed;
}

function report(what, jobs, failed, about, undoes) {
    if (failed.length)
        say(`${what}: ${failed.length} of ${plural(jobs.length, 'alert')} not changed. ${failed[0].error.message} ${failed[0].error.hint || ''}`, { failed: true, about });
    else
        say(`${what}: ${plural(jobs.length, 'alert')}.${undoes ? ' u undoes it.' : ''}`, { about });
}

/* patch: members of PATCH /api/v1/alerts/{id} besides note. */
export async function change(alerts, patch, what) {
    const jobs = alerts.map(a => ({ id: a.event.id, patch, before: workflowOf(a) }));
    if (!jobs.length)
        return;
    show(jobs.map(j => [j.id, { ...j.before, ...patch }]));
    done.push({ what, before: jobs.map(j => [j.id, j.before]), fields: Object.keys(patch) });
    done.splice(0, done.length - UNDO_MAX);
    const about = `change ${++changes}`;
    say(`${what}: ${plural(jobs.length, 'alert')} …`, { about });
    report(what, jobs, await send(jobs), about, true);
}

export async function undo() {
    const last = done.pop();
    if (!last)
        return say('Nothing to undo.');
    const jobs = last.before.map(([id, before]) => ({ id, before: overlay.value.get(id), patch: Object.fromEntries(last.fields.map(f => [f, before[f]])) }));
    show(last.before);
    const about = `change ${++changes}`;
    say(`Undoing: ${last.what} …`, { about });
    return report(`Undone: ${last.what}`, jobs, await send(jobs), about, false);
}

export async function addNote(id, text) {
    await ask(`/api/v1/alerts/${id}`, { method: 'PATCH', body: { note: text } });
}

export const take = alerts => change(alerts, { status: 'in_progress', assignee: session.value?.who || '' }, 'Taken');
export const closeFalse = alerts => change(alerts, { status: 'false_positive', disposition: 'false_positive' }, 'Closed as false positive');

/* The choices of `s`: each says what the alert turned out to be as well, where that follows. */
export function statusMenu(alerts) {
    const one = (label, hint, patch) => ({ label, hint, run: () => change(alerts, patch, label) });
    return [
        one('In progress', 'somebody works on it', { status: 'in_progress' }),
        one('Resolved: true positive', 'it was real, and is dealt with', { status: 'resolved', disposition: 'true_positive' }),
        one('Closed: benign', 'it happened, and was meant to', { status: 'closed', disposition: 'benign' }),
        one('Closed: duplicate', 'another alert has it', { status: 'closed', disposition: 'duplicate' }),
        one('False positive', 'the rule was wrong', { status: 'false_positive', disposition: 'false_positive' }),
        one('New again', 'nobody works on it', { status: 'new', disposition: 'undetermined', assignee: '' }),
    ];
}
