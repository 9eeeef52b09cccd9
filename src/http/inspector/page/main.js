import { render } from 'preact';
import { App } from './app.js';
import { html } from './html.js';
import { connect } from './live.js';
import { installTips } from './tip.js';

const root = /** @type {HTMLElement} */ (document.getElementById('app'));
root.replaceChildren();
render(html`<${App} />`, root);
installTips();
connect();
