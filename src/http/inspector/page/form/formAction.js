/** Converts the action of a schedule to the fields of the form, and back. Pure. */
import { entriesOf, linesOf, numberOr, parts, put } from './formText.js';

/** @import { Fields } from './form.js' */

/** The pointers of all fields of an action. */
export const ACTION_FIELDS = [
  ...['/action/takes', '/action/fails', '/action/method', '/action/url', '/action/headers', '/action/body'],
  ...['/action/success', '/action/signing/secrets'],
];

/**
 * @param {any} action
 * @returns {Fields}
 */
export function actionFieldsOf(action) {
  const { type = 'log', headers, body, success, signing, cloud_events, ...others } = action ?? {};
  const texts = {
    type,
    // The type that the page does not know, to offer it further on.
    other: ['log', 'http'].includes(type) ? '' : type,
    takes: others.takes,
    fails: others.fails,
    method: others.method ?? 'POST',
    url: others.url,
    headers: linesOf(headers),
    body: bodyText(body),
    success: success?.join?.(', '),
    'signing/secrets': signing?.secrets?.join?.(', '),
    cloud_events: cloud_events ? 'yes' : '',
  };
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [`/action/${name}`, String(text ?? '')]),
  );
}

/**
 * The action for the fields. One of a type that the page does not know stays as it is.
 * @param {Fields} fields
 * @param {any} [base] the schedule's present action
 */
export function actionOf(fields, base) {
  const text = (/** @type {string} */ name) => fields[`/action/${name}`]?.trim() ?? '';
  const type = fields['/action/type'] ?? 'log';
  // The API refuses fields of another type.
  const action = base?.type === type ? structuredClone(base) : { type };
  const set = (/** @type {string} */ name, value = /** @type {unknown} */ (text(name))) =>
    put(action, `/${name}`, value);
  if (type === 'log') {
    set('takes');
    set('fails', numberOr(text('fails')));
  }
  if (type !== 'http') return action;
  set('method');
  set('url');
  action.headers = headersOf(text('headers'));
  delete action.body;
  if (text('body')) action.body = bodyValue(fields['/action/body'] ?? '');
  const success = parts(text('success'), ',').map(numberOr);
  set('success', success.length > 0 ? success : '');
  const secrets = parts(text('signing/secrets'), ',');
  set('signing', secrets.length > 0 ? { ...action.signing, secrets } : '');
  action.cloud_events = text('cloud_events') === 'yes';
  return action;
}

/** Lines of the same header are one, as for a receiver (RFC 9110, 5.3). @param {string} text */
function headersOf(text) {
  const headers = new Map();
  for (const [name, value] of entriesOf(text)) {
    headers.set(name, headers.has(name) ? `${headers.get(name)}, ${value}` : value);
  }
  return Object.fromEntries(headers);
}

/** The JSON value in a text; any other text as it is. @param {string} text */
export function bodyValue(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The text that stands for a body: a string as it is, unless that would be read as another one. @param {unknown} body */
export function bodyText(body) {
  if (typeof body !== 'string') return JSON.stringify(body, null, 2);
  // A text area changes carriage returns, and a blank one means no body.
  const isItself = bodyValue(body) === body && body.trim() !== '' && !body.includes('\r');
  return isItself ? body : JSON.stringify(body);
}
