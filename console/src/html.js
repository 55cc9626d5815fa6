/*
 * html: the tag with which every page is written: htm makes preact nodes of a template.
 *
 * Invariant: a value in a template becomes a text node or an attribute, never markup. Nothing in this tree uses innerHTML or
 * dangerouslySetInnerHTML, and a test reads the tree for it.
 */
import { h } from 'preact';
import htm from 'htm';

export const html = htm.bind(h);
