/**
 * The page's location: every view has an address of its own, in the URL's hash, such as
 * `#/schedules?q=report&type=cron`.
 */
import { useEffect, useReducer } from 'preact/hooks';
import { queryText } from './query.js';

/**
 * @typedef {object} Route
 * @property {string} name the first part of the path
 * @property {string | null} id the second part, decoded
 * @property {string | null} action the third part
 * @property {URLSearchParams} query
 */

/** @returns {Route} */
function currentRoute() {
  const [path = '', query = ''] = location.hash.replace(/^#\/?/, '').split(/\?(.*)/s);
  const [name, id, action] = path.split('/').map(decode);
  return {
    name: name || 'cluster',
    id: id || null,
    action: action || null,
    query: new URLSearchParams(query),
  };
}

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * The link to a view.
 * @param {string[]} path
 * @param {Record<string, string | number | null | undefined>} [query]
 */
export function href(path, query = {}) {
  return `#/${path.map(encodeURIComponent).join('/')}${queryText(query)}`;
}

/** @param {string} link as `href` makes it */
export function go(link) {
  location.hash = link;
}

/**
 * Changes parameters of the current view, without a step in the browser's history.
 * @param {Record<string, string | number | null | undefined>} changes null removes a parameter
 */
export function setQuery(changes) {
  const { name, id, action, query } = currentRoute();
  const path = [name, id, action].filter((part) => part !== null);
  const link = href(path, { ...Object.fromEntries(query), ...changes });
  if (link === location.hash) return;
  history.replaceState(null, '', link);
  dispatchEvent(new HashChangeEvent('hashchange'));
}

/** The current route; renders again when it changes. */
export function useRoute() {
  const [, render] = useReducer((count) => count + 1, 0);
  useEffect(() => {
    addEventListener('hashchange', render);
    return () => removeEventListener('hashchange', render);
  }, []);
  return currentRoute();
}
