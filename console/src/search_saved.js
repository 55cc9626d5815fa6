/*
 * search_saved: searches that are kept by name, and the last ones. They are in this browser only.
 */
import { signal } from '@preact/signals';
import { html } from './html.js';
import { load, save } from './kept.js';
import { link } from './route.js';
import { say, Text } from './ui.js';

const SAVED_MAX = 100, RECENT_MAX = 12;
const saved = signal(load('searches', [])), recent = signal(load('recent', []));

export function remember(q) {
    recent.value = [q, ...recent.value.filter(r => r !== q)].slice(0, RECENT_MAX);
    save('recent', recent.value);
}

function put(list) {
    saved.value = list.slice(-SAVED_MAX);
    say(save('searches', saved.value) ? 'Kept in this browser.' : 'This browser keeps nothing: the search is here until the page is left.');
}

export function Saved({ p }) {
    return html`<details class="drop"><summary>Saved</summary><div class="dropbox">
        <form onSubmit=${e => {
            e.preventDefault();
            const name = e.target.elements.name.value.trim();
            if (name)
                put([...saved.value.filter(s => s.name !== name), { name, params: p }]);
            e.target.reset();
        }}><label>Save this search as <input name="name" maxlength="80" autocomplete="off" /></label> <button type="submit">Save</button></form>
        ${saved.value.length > 0 && html`<ul>${saved.value.map(s => html`<li><a href=${link('search', s.params)}><b><${Text} text=${s.name} /></b> <${Text} text=${s.params.q || ''} limit=${80} more=${false} /></a>
            <button type="button" class="small" aria-label=${`forget ${s.name}`} onClick=${() => put(saved.value.filter(x => x !== s))}>×</button></li>`)}</ul>`}
        ${recent.value.length > 0 && html`<h3>Last searches</h3><ul>${recent.value.map(q => html`<li><a href=${link('search', { ...p, q })}><${Text} text=${q} limit=${100} more=${false} /></a></li>`)}</ul>`}
    </div></details>`;
}
