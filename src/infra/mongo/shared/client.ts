/**
 * Clients of the MongoDB driver. The driver's errors about a connection string quote parts of it,
 * and any part may belong to a password that was not percent-encoded. So the errors here name the
 * part, and never quote it.
 */
import { MongoClient, type MongoClientOptions } from 'mongodb';
import { driverUri } from './uri.ts';
import { isPercentDecodable } from '../../../domain/shared/text.ts';

const ESCAPES = '/ as %2F, @ as %40, : as %3A, ? as %3F, # as %23, % as %25';

/** Opens no connection yet. Throws a sentence that holds nothing of the URI but names of options. */
export function mongoClient(uri: string, options: MongoClientOptions = {}): MongoClient {
  const problem = partProblem(uri);
  if (problem !== null) throw new Error(problem);
  const wanted = driverUri(uri);
  if (accepts(wanted, options)) return new MongoClient(wanted, options);
  // Without the driver's error as the cause, which would be logged.
  throw new Error(optionProblem(wanted, options));
}

/** The problem in the scheme, the user information, the host list or the query syntax; null if none. */
function partProblem(uri: string): string | null {
  const [, scheme, rest = ''] = /^(mongodb(?:\+srv)?):\/\/(.*)$/s.exec(uri) ?? [];
  if (scheme === undefined) return 'the scheme: it must begin with mongodb:// or mongodb+srv://';
  const authority = rest.split(/[/?#]/, 1)[0] as string;
  const after = rest.slice(authority.length);
  const parts = authority.split('@');
  if (parts.length > 2 || after.includes('@') || rest.includes('#')) {
    return `the user name, the password or an option has a character that must be percent-encoded (${ESCAPES})`;
  }
  const hosts = parts.at(-1) as string;
  return (parts.length === 2 ? userProblem(parts[0] as string) : null) ?? hostsProblem(hosts, scheme) ??
    queryProblem(after);
}

function userProblem(userinfo: string): string | null {
  const [user = '', ...password] = userinfo.split(':');
  if (user === '') return 'the user information: there is a @, and no user name before it';
  const isEncoded = password.length <= 1 && !/[[\]]/.test(userinfo) && isPercentDecodable(userinfo);
  return isEncoded
    ? null
    : `the user name or the password has a character that must be percent-encoded (${ESCAPES})`;
}

function hostsProblem(list: string, scheme: string): string | null {
  const hosts = list.split(',');
  const isSound = (host: string) => {
    const [, name, port] = /^(\[[0-9A-Fa-f:.]+\]|[^:[\]\s]+)(?::(\d{1,5}))?$/.exec(host) ?? [];
    return name !== undefined && isPercentDecodable(name) &&
      (port === undefined || Number(port) >= 1 && Number(port) <= 65_535);
  };
  if (!hosts.every(isSound)) {
    return 'the host list: it must be host, host:port or [IPv6]:port, with commas in between ' +
      '(a user name and a password stand before it, with a @ after them)';
  }
  const isOne = hosts.length === 1 && !/:\d+$/.test(list);
  return scheme === 'mongodb' || isOne
    ? null
    : 'the host list: mongodb+srv takes exactly one host, and no port';
}

function queryProblem(after: string): string | null {
  const bad = optionsOf(after).findIndex((option) => !/^[^=]+=./.test(option) || !isPercentDecodable(option));
  return bad < 0 ? null : `the query: option ${bad + 1} is not written as name=value`;
}

/** The option that the driver rejects: the first whose removal helps, else the first rejected alone. */
function optionProblem(uri: string, driver: MongoClientOptions): string {
  const base = uri.split('?', 1)[0] as string;
  const options = optionsOf(uri);
  const taken = (some: readonly string[]) => accepts(`${base}?${some.join('&')}`, driver);
  if (!taken([])) return 'the host list, or the database after it: the driver rejects it';
  const alone = options.findIndex((option) => !taken([option]));
  const without = options.findIndex((_, index) => taken(options.toSpliced(index, 1)));
  const index = without >= 0 ? without : alone;
  if (index < 0) return 'the query: its options exclude each other';
  const [name = ''] = (options[index] as string).split('=');
  if (!isKnown(name)) return `the query: option ${index + 1} is not known to the driver`;
  return `the option ${name}: the driver refuses its value, or it does not go with the other options or the hosts`;
}

function optionsOf(text: string): string[] {
  const queryAt = text.indexOf('?');
  return queryAt < 0 ? [] : text.slice(queryAt + 1).split('&').filter((option) => option !== '');
}

function accepts(uri: string, options: MongoClientOptions): boolean {
  try {
    new MongoClient(uri, options);
    return true;
  } catch {
    return false;
  }
}

/** A name that the driver doesn't know may belong to a secret. */
function isKnown(name: string): boolean {
  try {
    new MongoClient(`mongodb://localhost/?${name}=1`);
    return true;
  } catch (error) {
    return !/^option .* is not supported$/s.test((error as Error).message);
  }
}
