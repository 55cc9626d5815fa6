/*
 * chart: the drawing library, a script of its own: it is a third of all, and only pages with a chart need it.
 */
export { default } from 'uplot';
