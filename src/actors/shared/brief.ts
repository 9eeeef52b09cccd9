/**
 * Shortens values of any kind and size for display: plain JSON without anything that JSON can't hold,
 * at most a few hundred parts, however large the input (G9).
 */
const MAX_PARTS = 300;
const MAX_DEPTH = 5;
const MAX_ITEMS = 10;
const MAX_FIELDS = 40;
const MAX_TEXT = 300;

/**
 * Omits functions and undefined values; reduces a class instance to its class name; shows a value
 * that throws on reading as `[unreadable]`.
 */
export function brief(value: unknown): unknown {
  return shortened(() => value, { partsLeft: MAX_PARTS, path: [] });
}

interface Walk {
  partsLeft: number;
  /** The objects from the root to here; one that recurs is circular. */
  path: object[];
}

/** Shortens the value of `read`, which may be a getter. */
function shortened(read: () => unknown, walk: Walk): unknown {
  if (walk.partsLeft-- <= 0) return '…';
  const depth = walk.path.length;
  try {
    return shortenedValue(read(), walk);
  } catch {
    walk.path.length = depth;
    return '[unreadable]';
  }
}

function shortenedValue(value: unknown, walk: Walk): unknown {
  if (typeof value === 'string') return cut(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'bigint' || typeof value === 'symbol') return String(value);
  if (typeof value === 'function') return undefined;
  if (typeof value !== 'object' || value === null) return value;
  if (walk.path.includes(value)) return '[circular]';
  const label = labelOf(value);
  if (label !== null) return label;
  if (walk.path.length >= MAX_DEPTH) return Array.isArray(value) ? `[${value.length} items]` : '{…}';
  walk.path.push(value);
  const short = Array.isArray(value) ? items(value, walk) : fields(value, walk);
  walk.path.pop();
  return short;
}

/** Values shown by name or size; null for arrays and plain objects. */
function labelOf(value: object): string | null {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (value instanceof Error) return cut(`${value.name}: ${value.message}`);
  if (value instanceof Map || value instanceof Set) return `[${value.constructor.name} of ${value.size}]`;
  if (Array.isArray(value)) return null;
  const prototype = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return null;
  return cut(`[${prototype.constructor?.name || 'object'}]`);
}

function items(list: readonly unknown[], walk: Walk): unknown[] {
  const shown = list.slice(0, MAX_ITEMS).map((item) => shortened(() => item, walk));
  return list.length > MAX_ITEMS ? [...shown, `… ${list.length - MAX_ITEMS} more`] : shown;
}

function fields(object: object, walk: Walk): Record<string, unknown> {
  const names = Object.keys(object);
  const read = (name: string) => (object as Record<string, unknown>)[name];
  const shown = names.slice(0, MAX_FIELDS).map((name) => [cut(name), shortened(() => read(name), walk)]);
  if (names.length > MAX_FIELDS) shown.push(['…', `${names.length - MAX_FIELDS} more`]);
  return Object.fromEntries(shown);
}

function cut(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}
