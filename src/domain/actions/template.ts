/**
 * Placeholders, such as `{{run.id}}`, in the texts of an action. They are filled in, never evaluated: in one
 * pass, so that a value which itself looks like a placeholder stays as it is. `{{braces}}` stands for `{{`,
 * which can't be written otherwise; single braces and `}}` mean themselves. White space around a name is ignored.
 */
import { isSecretName, secretNameProblem } from './secretName.ts';
import { short } from '../shared/text.ts';

const NAMES = [
  'schedule.id',
  'schedule.name',
  'schedule.revision',
  'run.id',
  'run.scheduled_for',
  'run.attempt',
  'run.trigger',
] as const;
export type TemplateName = (typeof NAMES)[number];

/** The values of a run's placeholders, beside its secrets. */
export type TemplateValues = Readonly<Record<TemplateName, string>>;

/** `Run` is one. */
interface FilledIn {
  id: string;
  schedule_id: string;
  schedule_revision: number;
  scheduled_for: Date;
  attempt: number;
  trigger: string;
}

/** `name` is the schedule's; without one, its placeholder is filled with nothing. */
export function templateValues(run: FilledIn, name: string | undefined): TemplateValues {
  return {
    'schedule.id': run.schedule_id,
    'schedule.name': name ?? '',
    'schedule.revision': String(run.schedule_revision),
    'run.id': run.id,
    'run.scheduled_for': run.scheduled_for.toISOString(),
    'run.attempt': String(run.attempt),
    'run.trigger': run.trigger,
  };
}

const OPEN = '{{';
const BRACES = 'braces';
const SECRET = 'secret.';

/** Before a placeholder, a single brace may stand: the last two open it. */
export const PLACEHOLDER = /\{\{([^{}]*)\}\}/g;

export interface Allowed {
  /** Whether secrets may stand in the text. */
  secrets: boolean;
}

/** A sentence about the first `{{` that can't be filled in; null without one. */
export function templateProblem(text: string, { secrets }: Allowed): string | null {
  if (!text.includes(OPEN)) return null;
  for (const [placeholder, written = ''] of text.matchAll(PLACEHOLDER)) {
    const name = written.trim();
    const problem = name.startsWith(SECRET)
      ? secretProblem(name, secrets)
      : name === BRACES || isName(name)
      ? null
      : `has ${short(placeholder)}, a name that is not known; ${knownNames(secrets)}`;
    if (problem !== null) return problem;
  }
  // A blank for each: without it, the braces around one would join.
  const rest = text.replaceAll(PLACEHOLDER, ' ');
  const at = rest.indexOf(OPEN);
  return at < 0
    ? null
    : `has ${short(rest.slice(at), 20)}, where {{ opens no placeholder such as {{run.id}}; ${
      knownNames(secrets)
    }`;
}

function secretProblem(name: string, isAllowed: boolean): string | null {
  if (!isAllowed) return `has a secret, ${short(name)}; it may stand in a header's value or in the body only`;
  const problem = secretNameProblem(name.slice(SECRET.length));
  return problem === null ? null : `has a placeholder for a secret, but ${problem}`;
}

function knownNames(secrets: boolean): string {
  return `the names are ${NAMES.join(', ')}${
    secrets ? ', secret.NAME' : ''
  }; {{braces}} stands for {{ itself`;
}

/** The names of the secrets that have placeholders in the text. */
export function secretsIn(text: string): string[] {
  return [...text.matchAll(PLACEHOLDER)].map(([, written = '']) => written.trim())
    .filter((name) => name.startsWith(SECRET)).map((name) => name.slice(SECRET.length));
}

/** What the placeholders are filled with. */
export interface Filling {
  value: (name: TemplateName) => string;
  secret: (name: string) => string;
}

/**
 * The text with its placeholders filled in. `asValue` and `asSecret` fit values to their place. Throws a
 * sentence for a placeholder that is not known, as another version may have stored it.
 */
export function fill(
  text: string,
  { value, secret }: Filling,
  fit: { asValue?: (value: string) => string; asSecret?: (secret: string, name: string) => string } = {},
): string {
  const { asValue = (value) => value, asSecret = (secret) => secret } = fit;
  return text.replaceAll(PLACEHOLDER, (placeholder, written: string) => {
    const name = written.trim();
    if (name === BRACES) return asValue(OPEN);
    if (isName(name)) return asValue(value(name));
    const secretName = name.startsWith(SECRET) ? name.slice(SECRET.length) : '';
    if (isSecretName(secretName)) return asSecret(secret(secretName), secretName);
    throw new Error(`This version does not know the placeholder ${short(placeholder)}.`);
  });
}

function isName(name: string): name is TemplateName {
  return (NAMES as readonly string[]).includes(name);
}
