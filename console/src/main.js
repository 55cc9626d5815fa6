/*
 * main: the frame of the page: who is here, where one can go, the keys that work everywhere.
 */
import { signal } from '@preact/signals';
import { render } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import 'uplot/dist/uPlot.min.css';
import './style.css';
import { Alert } from './alert.js';
import { Alerts } from './alerts.js';
import { Archive } from './archive.js';
import { Attack } from './attack.js';
import { Budget } from './budget.js';
import { Entity } from './entity.js';
import { html } from './html.js';
import { known, listen as listenKeys, prefix, useKeys } from './keys.js';
import { Ledger } from './ledger.js';
import { Policies } from './policies.js';
import { go, lastOf, link, listen as listenRoute, route } from './route.js';
import { Rules } from './rules.js';
import { Search } from './search.js';
import { asking, begin, end, exchange, refused, session, takeCode } from './session.js';
import { nextTheme, theme } from './theme.js';
import { Dialog, Empty, Failure, Said } from './ui.js';

const PAGES = { alerts: Alerts, alert: Alert, search: Search, entity: Entity, rules: Rules, attack: Attack, ledger: Ledger, budget: Budget, archive: Archive, policies: Policies };
const NAV = [['alerts', 'Alerts', 'a'], ['search', 'Search', 's'], ['entity', 'Entities', 'e'], ['rules', 'Rules', 'r'], ['attack', 'ATT&CK', 'm'], ['ledger', 'Agents and ledger', 'l'],
    ['budget', 'Silence budget', 'b'], ['archive', 'Archive', 'v'], ['policies', 'Policies', 'p']];
const NARROW = matchMedia('(max-width: 700px)'), help = signal(false), broken = signal(null);

function Top() {
    const { page } = route.value, here = useRef();
    useEffect(() => {
        if (NARROW.matches) /* there they stand in a line that scrolls; elsewhere a look would cost a layout before the first row */
            here.current?.querySelector('.here')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    }, [page]);
    return html`<header class="top">
        <a class="brand" href="#/alerts">dogwatch</a>
        <nav aria-label="Pages" ref=${here}>${NAV.map(([name, title, key]) => html`<a href=${page === name ? link(name) : lastOf(name)} aria-current=${page === name ? 'page' : undefined}
            class=${page === name || (page === 'alert' && name === 'alerts') ? 'here' : ''}>${title} <kbd>g ${key}</kbd></a>`)}</nav>
        <span class="who">${session.value && html`<span title=${`role ${session.value.role}`}>${session.value.who} (${session.value.role})</span>`}
            <button type="button" onClick=${nextTheme} aria-label=${`Theme: ${theme.value}. Change it.`}>${{ system: '◐', light: '☀', dark: '☾' }[theme.value]}</button>
            <button type="button" aria-label="List of keys" onClick=${() => {
                help.value = true;
            }}>?</button>
            ${session.value && html`<button type="button" onClick=${end}>Sign out</button>`}</span>
    </header>`;
}

function Keys() {
    const close = () => {
        help.value = false;
    };
    const list = useRef(known());
    useKeys({ Escape: { run: close }, '?': { run: close } }, { modal: true });
    const groups = {};
    for (const { name, keys } of list.current)
        (groups[name] ||= []).push(...keys);
    return html`<${Dialog} title="Keys" onClose=${close} cls="keys">
        ${Object.entries(groups).map(([name, keys]) => html`<section><h3>${name}</h3><dl>${keys.map(([key, does]) => html`<div><dt>${key.split(' ').map(k => html`<kbd>${k}</kbd> `)}</dt><dd>${does}</dd></div>`)}</dl></section>`)}
        <button type="button" onClick=${close}>Close</button></${Dialog}>`;
}

function SignIn() {
    useKeys({}, { modal: true });
    return html`<${Dialog} title="Sign in" cls="signin">
        <p>On the host of the collector, type</p><pre>dogwatch console</pre><p>and paste the link or the code here. What is on the page below stays as it is.</p>
        <form onSubmit=${e => {
            e.preventDefault();
            exchange(e.target.elements.code.value);
        }}>
            <label>Link or code <input name="code" type="text" autocomplete="off" spellcheck=${false} required autofocus /></label>
            <button type="submit">Sign in</button>
        </form>
        ${refused.value && html`<p class="failure" role="alert">${refused.value}</p>`}
    </${Dialog}>`;
}

function Unknown() {
    return html`<main><${Empty} title="There is no such page."><ul>${NAV.map(([name, title]) => html`<li><a href=${link(name)}>${title}</a></li>`)}</ul></${Empty}></main>`;
}

function App() {
    useKeys({
        ...Object.fromEntries(NAV.map(([name, title, key]) => [`g ${key}`, { does: title, run: () => go(route.value.page === name ? link(name) : lastOf(name)) }])),
        '?': { does: 'this list', run: () => {
            help.value = true;
        } },
    }, { name: 'Everywhere' });
    const Page = PAGES[route.value.page] || Unknown;
    return html`<${Top} />
        ${broken.value && html`<main><${Failure} error=${broken.value} retry=${() => location.reload()} /></main>`}
        ${!broken.value && html`<${Page} key=${route.value.page + route.value.id} />`}
        ${help.value && html`<${Keys} />`}
        ${asking.value && html`<${SignIn} />`}
        ${prefix.value && html`<div class="prefix" aria-hidden="true"><kbd>${prefix.value}</kbd> …</div>`}
        <${Said} />`;
}

async function start() {
    const code = takeCode();
    if (code)
        await exchange(code);
    listenRoute();
    listenKeys();
    render(html`<${App} />`, document.getElementById('app'));
    try {
        await begin();
    } catch (e) {
        broken.value = e;
    }
}

start();
