/*
 * alert_why: why an alert was raised: the rule, what it asked, and the value in the line that met it.
 */
import { html } from './html.js';
import { count, plural, utc } from './format.js';
import { link } from './route.js';
import { Failure, Text } from './ui.js';

/* Raised by the collector itself, about chains, bytes and agents: such an alert names no events. */
export function isOwn(alert) {
    return (alert.rule?.id || '').startsWith('dogwatch.');
}

/* What a detector found, against which past. */
function Anomaly({ alert, key_ }) {
    const d = alert.detector, of = key_.map(([k, v]) => `${k} = ${v}`).join(' and '), window = alert.window || {}, few = n => Number(Number(n ?? 0).toPrecision(3)).toLocaleString('en-US');
    const about = of && html` of <${Text} text=${of} />`;
    if (d.type === 'new_value')
        return html`<p><b><${Text} text=${d.feature} /></b>${about} is <span class="hit"><${Text} text=${d.value.join(', ')} limit=${500} /></span>, which is new: ${plural(d.baseline, 'other value')} ${d.baseline === 1 ? 'was' : 'were'} known at <time>${utc(alert['@timestamp'], 3)}</time>.</p>`;
    if (d.type === 'new_template')
        return html`<p><b><${Text} text=${d.feature} /></b>${about} is of a new kind: <span class="hit"><${Text} text=${d.value.join(', ')} limit=${500} /></span>; ${plural(d.baseline, 'kind')} ${d.baseline === 1 ? 'was' : 'were'} known at <time>${utc(alert['@timestamp'], 3)}</time>.</p>`;
    if (d.type === 'rare_value')
        return html`<p><b><${Text} text=${d.feature} /></b>${about} is <span class="hit"><${Text} text=${d.value.join(', ')} limit=${500} /></span>, which is rare: <b>${count(d.count)}</b> of ${plural(d.baseline, 'event')}.</p>`;
    if (d.type === 'entropy_dga')
        return html`<p><b><${Text} text=${d.feature} /></b>${about} is <span class="hit"><${Text} text=${d.value.join(', ')} limit=${500} /></span>, which looks made up by a program: <b>${few(d.score)}</b> of 100, told from ${few(d.baseline)} on; ${plural(d.count, 'such name')} in the window.</p>`;
    if (d.type === 'beacon')
        return html`<p>An event${about} every <b>${few(d.value)} s</b>, give or take ${few(d.spread)}, over ${plural(d.spans, 'gap')}: a beacon by <b>${few(d.score)}</b> of 100, told from ${few(d.baseline)} on.</p>`;
    if (d.type === 'impossible_travel')
        return html`<p><b><${Text} text=${d.feature} /></b>${about} is <span class="hit"><${Text} text=${d.value[1]} limit=${500} /></span> (<${Text} text=${d.value[3]} />), and was <span class="hit"><${Text} text=${d.value[0]} limit=${500} /></span> (<${Text} text=${d.value[2]} />) <b>${few(d.seconds)} s</b> before: <b>${count(d.km)} km</b> apart at least, which is ${count(d.speed)} km/h; believed are ${count(d.baseline)}.</p>`;
    if (d.type === 'heavy_hitter')
        return html`<p><b><${Text} text=${d.feature} /></b>${about}: <span class="hit"><${Text} text=${d.value.join(', ')} limit=${500} /></span> takes <b>${count(d.count)}</b> of ${plural(d.baseline, 'event')} in the span from <time>${utc(window.start, 3)}</time>.</p>`;
    if (d.type === 'rate_spike' || d.type === 'cardinality_spike')
        return html`<p><b>${few(d.value)}</b> ${d.type === 'cardinality_spike' ? html`distinct values of <${Text} text=${d.feature} />` : d.feature === 'events' ? 'events' : html`is the sum of <${Text} text=${d.feature} />`}${about} in the span from <time>${utc(window.start, 3)}</time>: usual is <b>${few(d.baseline)}</b>, the median of the ${plural(d.spans, 'span')} before,
            give or take ${few(d.spread)}; that is <b>${few(d.score)}</b> times away.</p>`;
    return html`<p>No event${about} from <time>${utc(window.start, 3)}</time> to <time>${utc(window.end, 3)}</time>${d.baseline > 0 ? html`: usual was one every <b>${few(d.baseline)} s</b>` : ''}. ${plural(alert.total, 'event')} ${alert.total === 1 ? 'was' : 'were'} heard before; the newest is below.</p>`;
}

/* What the alert itself says of the crossing, as a sentence. */
function Sentence({ alert }) {
    const key = Object.entries(alert.key || {});
    const window = alert.window || {};
    if (isOwn(alert))
        return html`<p><${Text} text=${alert.message || alert.about || ''} /></p>
            ${alert.agent && html`<p>Found in agent <code>${alert.agent.id}</code>, epoch ${alert.agent.epoch}, frame ${alert.agent.frame}. <a href=${link('ledger')}>Agents and ledger</a></p>`}`;
    if (alert.detector)
        return html`<${Anomaly} alert=${alert} key_=${key} />`;
    if (window.start === window.end || !key.length)
        return html`<p>One event met the rule at <time>${utc(alert['@timestamp'], 3)}</time>.</p>`;
    return html`<p>Events with ${key.map(([k, v], i) => html`${i ? ' and ' : ''}<${Text} text=${`${k} = ${v}`} />`)} reached the rule's bound${alert.calm ? '' : html` at the value <b>${count(alert.value)}</b>`}; <b>${plural(alert.total, 'event')}</b> in all, in the window from ${' '}<time>${utc(window.start, 3)}</time> to <time>${utc(window.end, 3)}</time>.${alert.calm ? html` At <time>${utc(alert.calm, 3)}</time> it was calm: ${count(alert.value)}.` : ''}</p>`;
}

function Condition({ c }) {
    return html`<li class=${c.holds ? 'holds' : 'not'} style=${{ paddingLeft: `${c.depth * 18}px` }}>
        <span class="verdict">${c.holds ? '✓ holds' : '✗ does not hold'}</span> <code><${Text} text=${c.condition} /></code>
        ${c.value !== undefined && html`<div>← ${c.field} = <span class="hit"><${Text} text=${String(c.value)} limit=${500} /></span></div>`}</li>`;
}

/* The conditions of the event under the cursor. */
export function Why({ alert, rule, explained, eventId }) {
    const known = explained.value?.filter(x => x.event?.id === eventId) || [];
    const tags = (alert.rule?.tags || []).map(t => t.replace(/^attack\./, ''));
    return html`<section aria-labelledby="why"><h2 id="why">Why it was raised</h2>
        <${Sentence} alert=${alert} />
        <p class="dim">Rule <b>${alert.rule?.name}</b> <span class="mono">${alert.rule?.id}</span>${tags.length > 0 && html`, ATT&CK: ${tags.join(', ')}`}${rule
            ? html`, in <${Text} text=${rule.file} />` : ''}.
            ${rule && rule.logic_hash !== alert.rule?.logic_hash && html`<strong class="hint"> The rule was changed since: it decides otherwise now.</strong>`}</p>
        ${!isOwn(alert) && known.map(x => html`<div><h3>${x.rule?.name}${x.rule?.same_logic === false ? ' — changed since' : ''}</h3>
            <ul class="conditions">${x.conditions.map(c => html`<${Condition} c=${c} />`)}</ul></div>`)}
        ${explained.error?.code === 'not_found' && !isOwn(alert) && html`<p class="dim">This collector does not answer for single conditions. On its host: <code>dogwatch alert explain ${alert.event.id.slice(0, 12)}</code></p>`}
        ${explained.error && explained.error.code !== 'not_found' && html`<${Failure} error=${explained.error} />`}
        ${explained.answer && !explained.answer.complete && html`<p class="hint">Explained in part: <${Text} text=${explained.answer.why || ''} /></p>`}
    </section>`;
}
