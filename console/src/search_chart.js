/*
 * search_chart: how many events when. Drag over it, or walk the bars by arrow keys and press Enter, to look at that time alone.
 *
 * A canvas says nothing to a screen reader: the chart is a slider over the bars whose value is read out, and the same numbers
 * stand in a table below. What draws is a script of its own (chart.js), asked for when the first chart is.
 */
import { signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { count, plural, rfc, spanMs, utc } from './format.js';
import { html } from './html.js';
import { theme } from './theme.js';

const HEIGHT = 104, BARS_MAX = 2000;
const drawing = signal({ uPlot: null, failed: false });

async function loadDrawing() {
    try {
        drawing.value = { uPlot: (await import('/console/chart.js')).default, failed: false };
    } catch {
        drawing.value = { uPlot: null, failed: true };
    }
}

/* Bars for all of the range: the API leaves out those before the first and after the last event. */
export function padded({ list, span, since, until }) {
    const width = spanMs(span);
    if (!list.length || (until - since) / width > BARS_MAX)
        return list.length ? list : [[since, 0]];
    const before = [], after = [];
    for (let t = list[0][0] - width; t > since - width; t -= width)
        before.unshift([t, 0]);
    for (let t = list[list.length - 1][0] + width; t < until; t += width)
        after.push([t, 0]);
    return [...before, ...list, ...after];
}

/* Marks of the time axis: 24 hours, UTC; the day where it begins. */
function labels(u, all) {
    return all.map(t => {
        const text = utc(t);
        if (text.endsWith('00:00:00'))
            return text.slice(5, 10);
        return text.endsWith(':00') ? text.slice(11, 16) : text.slice(11);
    });
}

function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function options(uPlot, width, bars, zoom) {
    const axis = { stroke: colour('--dim'), font: '11px sans-serif', grid: { stroke: colour('--line'), width: 1 }, ticks: { stroke: colour('--line'), width: 1 } };
    return {
        width, height: HEIGHT, ms: 1, legend: { show: false }, padding: [6, 8, 0, 0],
        tzDate: t => uPlot.tzDate(new Date(t), 'Etc/UTC'),
        scales: { x: { time: true, range: [bars.since, bars.until] }, y: { range: (u, min, max) => [0, Math.max(1, max)] } },
        axes: [{ ...axis, size: 28, space: 64, values: labels }, { ...axis, size: 48, space: 28, values: (u, all) => all.map(v => (Number.isInteger(v) ? count(v) : '')) }],
        series: [{}, { stroke: colour('--bar'), fill: colour('--bar'), width: 0, paths: uPlot.paths.bars({ size: [0.9, 60], align: 1 }), points: { show: false } }],
        cursor: { drag: { x: true, y: false, setScale: false }, y: false, points: { show: false } },
        hooks: { setSelect: [u => u.select.width > 3 && zoom(u.posToVal(u.select.left, 'x'), u.posToVal(u.select.left + u.select.width, 'x'))] },
    };
}

function useChart(ref, bars, zoom) {
    const system = useRef(matchMedia('(prefers-color-scheme: dark)')), [dark, setDark] = useState(system.current.matches);
    useEffect(() => {
        const on = () => setDark(system.current.matches);
        system.current.addEventListener('change', on);
        return () => system.current.removeEventListener('change', on);
    }, []);
    const { uPlot } = drawing.value;
    useEffect(() => {
        if (!uPlot) {
            loadDrawing();
            return undefined;
        }
        const data = padded(bars), el = ref.current;
        const plot = new uPlot(options(uPlot, el.clientWidth, bars, zoom), [data.map(b => b[0]), data.map(b => b[1])], el);
        const watch = new ResizeObserver(() => plot.setSize({ width: el.clientWidth, height: HEIGHT }));
        watch.observe(el);
        return () => {
            watch.disconnect();
            plot.destroy();
        };
    }, [uPlot, bars, theme.value, dark]);
}

export function Chart({ bars, onZoom }) {
    const ref = useRef(), [at, setAt] = useState(-1), { list } = bars;
    const zoom = (from, to) => onZoom(rfc(Math.floor(from)), rfc(Math.ceil(to)));
    useChart(ref, bars, zoom);
    useEffect(() => setAt(-1), [bars]); /* a bar of other bars is none of these */
    const width = spanMs(bars.span), bar = list[at];
    const read = b => `${utc(b[0])}: ${plural(b[1], 'event')}`;
    const onKey = e => {
        const to = { ArrowLeft: at < 0 ? list.length - 1 : at - 1, ArrowRight: at + 1, Home: 0, End: list.length - 1 }[e.key];
        if (to !== undefined)
            setAt(Math.min(list.length - 1, Math.max(0, to)));
        else if (e.key === 'Enter' && bar)
            zoom(bar[0], bar[0] + width - 1);
        else
            return;
        e.preventDefault();
        e.stopPropagation();
    };
    const summary = `${plural(bars.total, 'event')} from ${utc(Math.round(bars.since))} to ${utc(Math.round(bars.until))} UTC, a bar is ${bars.span}`;
    return html`<figure class="chart"><figcaption>${summary} ${bar && html`<b aria-hidden="true">${read(bar)} — Enter looks at it alone</b>`}</figcaption>
        <div class="plot" ref=${ref} tabindex="0" role="slider" aria-label=${`Events over time; ${summary}`} aria-valuemin="0" aria-valuemax=${Math.max(0, list.length - 1)}
            aria-valuenow=${Math.max(0, at)} aria-valuetext=${bar ? read(bar) : 'no bar chosen: arrow keys walk them'} onKeyDown=${onKey} onBlur=${() => setAt(-1)}></div>
        ${drawing.value.failed && html`<p class="hint" role="status">▲ The chart could not be loaded; its numbers stand in the table.</p>`}
        <details class="asTable" open=${drawing.value.failed}><summary>As a table</summary><div class="scroll bounded" tabindex="0"><table><thead><tr><th>From (UTC)</th><th class="num">Events</th></tr></thead>
            <tbody>${list.filter(b => b[1]).map(b => html`<tr><td><button type="button" onClick=${() => zoom(b[0], b[0] + width - 1)}>${utc(b[0])}</button></td><td class="num">${count(b[1])}</td></tr>`)}</tbody></table></div></details>
    </figure>`;
}
