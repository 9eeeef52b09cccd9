/**
 * A query with its question mark. Parameters that are null or empty are left out.
 * @param {Record<string, string | number | null | undefined>} parameters
 */
export function queryText(parameters) {
  const given = Object.entries(parameters).filter(([, value]) =>
    value !== null && value !== undefined && value !== ''
  );
  const text = new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString();
  return text && `?${text}`;
}
