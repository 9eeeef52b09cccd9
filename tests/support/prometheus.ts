/** What Prometheus' text format says, as far as tests need it. */
import assert from 'node:assert/strict';

/** The value of every series, by the way it is written: `scheduler_runs_total{state="claimed"}`. */
export type Samples = Record<string, number>;

/** Fails on a line that is none of the format 0.0.4. */
export function samplesOf(text: string): Samples {
  const samples: Samples = {};
  for (const line of text.split('\n')) {
    if (line === '' || /^# (HELP|TYPE) [a-z_0-9]+ \S/.test(line)) continue;
    const [, series, value] =
      /^([a-z_0-9]+(?:\{(?:[a-z_]+="[^"]*",?)*\})?) (nan|[+-]?Inf|[-+.\de]+)$/i.exec(line) ?? [];
    assert.ok(series !== undefined, line);
    assert.ok(!(series in samples), `${series} is there twice`);
    samples[series] = value === undefined ? NaN : Number(value.replace('Inf', 'Infinity'));
  }
  return samples;
}

/** The metrics that the text describes, by name, with their types. */
export function typesOf(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]),
  );
}
