import { render } from 'preact';
import { App } from './app.js';
import { jsx } from './jsx.js';
import { connect } from './live.js';
import { installTips } from './tip.js';

const root = /** @type {HTMLElement} */ (document.getElementById('app'));
root.replaceChildren();
render(jsx`<${App} />`, root);
installTips();
connect();
