import { h } from 'preact';
import htm from 'htm';

/** JSX without a compiler: a tagged template that makes Preact elements. */
export const jsx = htm.bind(h);
