/*
 * alert_notes: what people said of an alert, and the note that is being written.
 *
 * Invariant: a draft is kept from the first letter until the collector has it: a page that is left, a session that ends or a
 * request that fails loses none.
 */
import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { addNote } from './changes.js';
import { utc } from './format.js';
import { html } from './html.js';
import { load, save } from './kept.js';
import { useKeys } from './keys.js';
import { Failure, say, STATUS_TEXT, Text } from './ui.js';

const DRAFTS_MAX = 50;

function draft(id) {
    return load('drafts', {})[id] || '';
}

function keep(id, text) {
    const { [id]: gone, ...others } = load('drafts', {});
    const kept = Object.entries(others).slice(-DRAFTS_MAX);
    save('drafts', text ? Object.fromEntries([...kept, [id, text]]) : Object.fromEntries(kept));
}

function Said({ h }) {
    const value = h.field === 'status' ? STATUS_TEXT[h.value] || h.value : h.value;
    return html`<li><time>${utc(h.time)}</time> <b><${Text} text=${h.author} /></b> ${h.field === 'note'
        ? html`<blockquote><${Text} text=${h.value} /></blockquote>` : html`<span>${h.field}: <${Text} text=${value || '(nobody)'} /></span>`}</li>`;
}

export function Notes({ id, history, reload }) {
    const text = useRef(), error = useSignal(null), busy = useSignal(false);
    useKeys({ n: { does: 'write a note', run: () => text.current.focus() } }, { name: 'Alert' });
    const send = async e => {
        e?.preventDefault();
        const note = text.current.value.trim();
        if (!note || busy.value)
            return;
        busy.value = true;
        try {
            await addNote(id, note);
            keep(id, '');
            text.current.value = '';
            error.value = null;
            say('The note is kept.');
        } catch (wrong) {
            error.value = wrong;
        }
        busy.value = false;
        reload();
    };
    return html`<section aria-labelledby="notes"><h2 id="notes">Notes and history</h2>
        <form class="note" onSubmit=${send}><label><span class="vh">Note</span><textarea ref=${text} rows="3" placeholder="A note for whoever has the next shift   ( n )" onInput=${e => keep(id, e.target.value)}
            onKeyDown=${e => e.key === 'Enter' && (e.ctrlKey || e.metaKey) && send(e)}>${draft(id)}</textarea></label>
            <button type="submit" disabled=${busy.value}>Add note <kbd>Ctrl Enter</kbd></button></form>
        <${Failure} error=${error.value || history.error} />
        <ol class="history">${[...(history.value || [])].reverse().map(h => html`<${Said} h=${h} />`)}</ol>
        ${history.value && !history.value.length && html`<p class="dim">Nobody has said anything yet.</p>`}
    </section>`;
}
