/*
 * html: the tag with which every page is written: htm makes preact nodes of a template.
 *
 * Invariants:
 *   (1) A value in a template becomes a text node or an attribute, never markup. Nothing in this tree uses innerHTML or
 *       dangerouslySetInnerHTML, and a test reads the tree for it.
 *   (2) No text and no label that is made here holds a character that hides or reorders: names of fields, hosts and rules, and
 *       messages that quote them, are as little to be trusted as lines. (`Text` in ui.js also shows tabs and line ends.)
 */
import { h } from 'preact';
import htm from 'htm';
import { inline } from './visible.js';

function shown(child) {
    if (typeof child === 'string')
        return inline(child);
    return Array.isArray(child) ? child.map(shown) : child;
}

function node(type, props, ...children) {
    if (props)
        for (const name of ['aria-label', 'title', 'aria-valuetext'])
            if (typeof props[name] === 'string')
                props[name] = inline(props[name]);
    return h(type, props, ...children.map(shown));
}

export const html = htm.bind(node);
