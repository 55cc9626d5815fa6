/*
 * search_grid: rows in a box that scrolls: only those in sight are in the page, so 100,000 cost what 40 cost.
 *
 * Idea: all rows have one height and at most one is open, so where a row stands is arithmetic. The focus is on the box, and
 * aria-activedescendant names the row, for a row may leave the page when it is scrolled away.
 *
 * Invariant: a cell never holds more than CELL_CHARS of a line; the open row shows the rest on demand.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { get, show } from './flat.js';
import { utc } from './format.js';
import { html } from './html.js';
import { Text } from './ui.js';

const CELL_CHARS = 400, OVERSCAN = 6, DETAIL = 340;

function useNarrow() {
    const media = useRef(matchMedia('(max-width: 700px)'));
    const [narrow, set] = useState(media.current.matches);
    useEffect(() => {
        const on = () => set(media.current.matches);
        media.current.addEventListener('change', on);
        return () => media.current.removeEventListener('change', on);
    }, []);
    return narrow;
}

export function cellOf(row, column) {
    const value = get(row, column);
    return column === '@timestamp' ? utc(value, 3) : show(value);
}

function Row({ i, top, height, row, columns, at, cell, open, onAt, onOpen }) {
    return html`<div role="row" id=${`row-${i}`} aria-rowindex=${i + 2} aria-selected=${at} class=${`grow ${at ? 'at' : ''} ${open ? 'open' : ''}`}
        style=${{ transform: `translateY(${top}px)`, height: `${height}px` }} onClick=${() => onAt(i)} onDblClick=${() => onOpen(i)}>
        ${columns.map((c, k) => html`<div role="gridcell" class=${`cell ${c === 'event.original' ? 'linecell' : ''} ${at && k === cell ? 'cell-at' : ''}`} onClick=${() => onAt(i, k)}>
            ${c === '@timestamp' ? html`<time>${cellOf(row, c)}</time>` : html`<${Text} text=${cellOf(row, c)} limit=${CELL_CHARS} more=${false} />`}</div>`)}
    </div>`;
}

/* rowAt(i) gives a row; `count` of them. `detail(row)` is shown below the open one. */
export function Grid({ count, rowAt, columns, names, at, cell, opened, onAt, onOpen, detail, label }) {
    const box = useRef(), narrow = useNarrow(), [view, setView] = useState({ top: 0, height: 600 });
    const height = narrow ? 44 : 24, open = opened >= 0 && opened < count;
    const topOf = i => i * height + (open && i > opened ? DETAIL : 0);
    const measure = () => box.current && setView({ top: box.current.scrollTop, height: box.current.clientHeight });
    useEffect(() => {
        const watch = new ResizeObserver(measure);
        watch.observe(box.current);
        return () => watch.disconnect();
    }, []);
    useEffect(() => {
        const t = topOf(at), b = t + height + (opened === at ? DETAIL : 0), el = box.current;
        if (t < el.scrollTop)
            el.scrollTop = t;
        else if (b > el.scrollTop + el.clientHeight)
            el.scrollTop = Math.min(t, b - el.clientHeight);
    }, [at, opened]);
    const indexAt = y => Math.floor((open && y > topOf(opened) + height ? Math.max(topOf(opened) + height, y - DETAIL) : y) / height);
    const first = Math.max(0, indexAt(view.top) - OVERSCAN), last = Math.min(count, indexAt(view.top + view.height) + OVERSCAN + 1);
    const slots = Math.ceil(view.height / height) + 2 * OVERSCAN + 3; /* at least as many as rows in sight: one that comes takes the elements of one that went */
    const shown = Array.from({ length: Math.max(0, last - first) }, (_, k) => first + k);
    const other = columns.includes('event.original') ? '132px' : 'minmax(132px, 1fr)';
    const template = columns.map(c => (c === '@timestamp' ? '186px' : c === 'event.original' ? 'minmax(320px, 1fr)' : other)).join(' ');
    return html`<div class="grid" style=${{ '--columns': template }}>
        <div class="gridbox" ref=${box} role="grid" aria-label=${label} aria-rowcount=${count + 1} aria-colcount=${columns.length} tabindex="0"
            aria-activedescendant=${at >= first && at < last ? `row-${at}` : undefined} onScroll=${measure}>
            <div role="row" class="ghead" aria-rowindex="1">${columns.map((c, k) => html`<div role="columnheader" class="cell">${names?.[k] || c}</div>`)}</div>
            <div role="rowgroup" class="gbody" style=${{ height: `${count * height + (open ? DETAIL : 0)}px` }}>
                ${shown.map(i => html`<${Row} key=${i % slots} i=${i} top=${topOf(i)} height=${height} row=${rowAt(i)} columns=${columns} at=${i === at} cell=${cell} open=${i === opened} onAt=${onAt} onOpen=${onOpen} />`)}
                ${open && detail && html`<div role="row" class="detail" style=${{ transform: `translateY(${topOf(opened) + height}px)`, height: `${DETAIL}px` }}>
                    <div role="gridcell" aria-colspan=${columns.length}>${detail(rowAt(opened))}</div></div>`}
            </div>
        </div></div>`;
}
