/*
 * entity_lanes: one entity over time: a lane of alerts and one for each log that names it, over one axis of time.
 *
 * A picture says nothing to a screen reader: each lane is a list of its bars with something in them, as links to those events.
 */
import { count, ms, plural, rfc, utc } from './format.js';
import { html } from './html.js';
import { link } from './route.js';
import { LEVELS, Text } from './ui.js';

const WIDTH = 960, HEIGHT = 26;

function place(t, of) {
    return WIDTH * (t - of.since) / (of.until - of.since);
}

function Bars({ lane, of, filter }) {
    const most = Math.max(...lane.bars), w = place(of.since + of.width, of);
    return html`<svg viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" class="lane" role="list" aria-label=${`${lane.name}: ${plural(lane.total, 'event')}`}>
        ${lane.bars.map((n, i) => {
            if (!n)
                return null;
            const from = of.since + i * of.width, h = Math.max(3, HEIGHT * n / most), text = `${utc(from)}: ${plural(n, 'event')}`;
            return html`<a role="listitem" tabindex="-1" href=${link('search', { q: filter, since: rfc(from), until: rfc(from + of.width - 1) })} aria-label=${text}><title>${text}</title>
                <rect class="ground" x=${i * w} y="0" width=${w} height=${HEIGHT} /><rect x=${i * w} y=${HEIGHT - h} width=${Math.max(1, w - 1)} height=${h} /></a>`;
        })}</svg>`;
}

function Marks({ alerts, of }) {
    return html`<svg viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" class="lane alerts-lane" role="list" aria-label=${plural(alerts.length, 'alert')}>
        ${alerts.map(a => {
            const text = `${utc(a.raised)}: ${a.rule?.level} ${a.rule?.name}`, h = HEIGHT * (LEVELS.length - Math.max(0, LEVELS.indexOf(a.rule?.level))) / LEVELS.length;
            return html`<a role="listitem" tabindex="-1" href=${link('alert', {}, a.event.id)} aria-label=${text}><title>${text}</title>
                <rect class=${`mark-${a.rule?.level}`} x=${Math.min(WIDTH - 5, Math.max(0, place(ms(a.raised), of)))} y=${HEIGHT - h} width="5" height=${h} /></a>`;
        })}</svg>`;
}

export function Lanes({ of, alerts, filter }) {
    const ticks = [0, 0.25, 0.5, 0.75, 1].map(f => of.since + f * (of.until - of.since)), shown = alerts.filter(a => ms(a.raised) >= of.since);
    const lane = (name, n, bars) => html`<div class="lane-row"><span class="lane-name"><${Text} text=${name} /> <small>${count(n)}</small></span>${bars}</div>`;
    return html`<div class="lanes">${lane('alerts', shown.length, html`<${Marks} alerts=${shown} of=${of} />`)}
        ${of.lanes.map(l => lane(l.name, l.total, html`<${Bars} lane=${l} of=${of} filter=${filter} />`))}
        <div class="lane-row axis" aria-hidden="true"><span class="lane-name"></span><div class="ticks">${ticks.map(t => html`<span>${utc(Math.round(t)).slice(5, 16)}</span>`)}</div></div></div>
        <details class="asTable"><summary>As a table</summary><div class="scroll bounded" tabindex="0"><table><thead><tr><th>From (UTC)</th><th>Log</th><th class="num">Events</th></tr></thead>
            <tbody>${of.lanes.flatMap(l => l.bars.map((n, i) => n > 0 && html`<tr><td><a href=${link('search', { q: filter, since: rfc(of.since + i * of.width), until: rfc(of.since + (i + 1) * of.width - 1) })}>${utc(of.since + i * of.width)}</a></td>
                <td><${Text} text=${l.name} /></td><td class="num">${count(n)}</td></tr>`))}</tbody></table></div></details>`;
}
