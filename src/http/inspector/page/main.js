import { render } from 'preact';
import { App } from './app.js';
import { jsx } from './shared/jsx.js';
import { connect } from './shared/live.js';
import { installTips } from './shared/tip.js';

const root = /** @type {HTMLElement} */ (document.getElementById('app'));
root.replaceChildren();
render(jsx`<${App} />`, root);
installTips();
connect();
