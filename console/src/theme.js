/*
 * theme: light, dark, or as the system says. Kept in this browser.
 */
import { effect, signal } from '@preact/signals';
import { load, save } from './kept.js';

const ORDER = ['system', 'light', 'dark'];
export const theme = signal(ORDER.includes(load('theme')) ? load('theme') : 'system');

export function nextTheme() {
    theme.value = ORDER[(ORDER.indexOf(theme.value) + 1) % ORDER.length];
    save('theme', theme.value);
}

effect(() => {
    document.documentElement.dataset.theme = theme.value;
});
