/**
 * A MongoDB connection string in the Node driver's syntax. The Go driver, and so its users'
 * manifests and settings, spells `directConnection` as `connect=direct` or `connect=automatic`,
 * which the Node driver refuses as an unknown option.
 */
export function driverUri(uri: string): string {
  const queryAt = uri.indexOf('?');
  if (queryAt < 0) return uri;
  const options = uri.slice(queryAt + 1).split('&').filter((option) => option !== '');
  const has = (name: string) => options.some((option) => nameOf(option) === name);
  const translated = options.flatMap((option) => {
    if (nameOf(option) !== 'connect') return [option];
    const direct = isDirect(option.slice('connect='.length));
    return has('directconnection') ? [] : [`directConnection=${direct}`];
  });
  return `${uri.slice(0, queryAt)}?${translated.join('&')}`;
}

function nameOf(option: string): string {
  return (option.split('=')[0] as string).toLowerCase();
}

function isDirect(value: string): boolean {
  if (value === 'direct') return true;
  if (value === 'automatic') return false;
  throw new Error('the option connect: it must be "direct" or "automatic" (or use directConnection=true)');
}
