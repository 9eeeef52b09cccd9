import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { fill, type Filling, secretsIn, templateProblem } from '../../../src/domain/actions/template.ts';
import { valuesOf } from './httpSetup.ts';

const filling = (name?: string): Filling => {
  const values = valuesOf(name);
  return { value: (of) => values[of], secret: (of) => `<${of}>` };
};

describe('a template', () => {
  const filled: [string, string][] = [
    ['', ''],
    ['{{schedule.id}} r{{schedule.revision}}', 's r7'],
    ['{{schedule.name}}', 'nightly'],
    [
      '{{run.id}} {{run.scheduled_for}} {{run.attempt}} {{run.trigger}}',
      's@2030-01-01T00:00:00.000Z 2030-01-01T00:00:00.000Z 2 catch_up',
    ],
    ['{{ run.attempt }}{{\trun.attempt\n}}', '22'],
    ['{{secret.A_1}}', '<A_1>'],
    ['{{{run.attempt}}}', '{2}'],
    ['{"a":{"b":{"c":"{{run.attempt}}"}}}', '{"a":{"b":{"c":"2"}}}'],
    ['{ } }} {a}', '{ } }} {a}'],
    ['{{braces}}run.id}} {{braces}}{{braces}}', '{{run.id}} {{{{'],
  ];
  for (const [text, expected] of filled) {
    it(`is filled in: ${JSON.stringify(text)}`, () => {
      assert.equal(templateProblem(text, { secrets: true }), null);
      assert.equal(fill(text, filling('nightly')), expected);
    });
  }

  it('has nothing for the name of a schedule without one', () => {
    assert.equal(fill('[{{schedule.name}}]', filling()), '[]');
  });

  const names =
    'the names are schedule.id, schedule.name, schedule.revision, run.id, run.scheduled_for, run.attempt, run.trigger';
  const withSecrets = `${names}, secret.NAME; {{braces}} stands for {{ itself`;
  const refused: [string, string][] = [
    ['{{run.ID}}', `has "{{run.ID}}", a name that is not known; ${withSecrets}`],
    ['{{}}', `has "{{}}", a name that is not known; ${withSecrets}`],
    ['{{1+1}}', `has "{{1+1}}", a name that is not known; ${withSecrets}`],
    ['{{constructor}}', `has "{{constructor}}", a name that is not known; ${withSecrets}`],
    ['{{run.id', `has "{{run.id", where {{ opens no placeholder such as {{run.id}}; ${withSecrets}`],
    ['a {{ {b} }}', `has "{{ {b} }}", where {{ opens no placeholder such as {{run.id}}; ${withSecrets}`],
    ['{{run.id}}{{{{', `has "{{{{", where {{ opens no placeholder such as {{run.id}}; ${withSecrets}`],
    [
      '{{secret.a}}',
      'has a placeholder for a secret, but "a" can\'t name a secret; write 1 to 64 of A-Z 0-9 _',
    ],
    [
      '{{secret.}}',
      'has a placeholder for a secret, but "" can\'t name a secret; write 1 to 64 of A-Z 0-9 _',
    ],
  ];
  for (const [text, problem] of refused) {
    it(`is refused: ${text}`, () => assert.equal(templateProblem(text, { secrets: true }), problem));
  }

  it('has no secrets where they would be shown', () => {
    assert.equal(
      templateProblem('{{ secret.A }}', { secrets: false }),
      'has a secret, "secret.A"; it may stand in a header\'s value or in the body only',
    );
    assert.equal(
      templateProblem('{{x}}', { secrets: false }),
      `has "{{x}}", a name that is not known; ${names}; {{braces}} stands for {{ itself`,
    );
  });

  it('of another version is not sent half filled in', () => {
    assert.throws(
      () => fill('{{run.colour}}', filling()),
      /^Error: This version does not know the placeholder "{{run.colour}}"\.$/,
    );
    assert.throws(() => fill('{{secret.a}}', filling()), /does not know the placeholder/);
  });

  it('names its secrets', () => {
    assert.deepEqual(secretsIn('{{secret.A}} {{run.id}} {{ secret.B }}{{secret.A}} secret.C'), [
      'A',
      'B',
      'A',
    ]);
  });
});

describe('whatever the values are', () => {
  const text = fc.string({
    unit: fc.oneof(
      fc.constantFrom('{', '}', '{{', '}}', '{{run.id}}', '{{secret.A}}', '"', '\\', '$&', '$1'),
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
    ),
    maxLength: 12,
  });

  it('they are never expanded again', () => {
    fc.assert(fc.property(text, text, text, (name, secret, between) => {
      fc.pre(templateProblem(between, { secrets: true }) === null && !between.includes('{{'));
      const values = valuesOf(name);
      const filled = fill(`{{schedule.name}}${between}|{{secret.S}}`, {
        value: (of) => values[of],
        secret: () => secret,
      });
      assert.equal(filled, `${name}${between}|${secret}`);
    }));
  });

  it('a text either has a problem, or all of it is filled in', () => {
    fc.assert(fc.property(text, (template) => {
      const problem = templateProblem(template, { secrets: true });
      if (problem !== null) return assert.match(problem, /^has .+/s);
      const filled = fill(template, { value: () => '|', secret: () => '|' });
      assert.ok(!filled.includes('{{'), filled);
    }));
  });

  it('a long text is checked in linear time', () => {
    const texts = ['{{'.repeat(32_768), `{{${' '.repeat(65_000)}x`, '{{a'.repeat(20_000), '{'.repeat(65_536)];
    for (const text of texts) assert.match(templateProblem(text, { secrets: true })!, /^has /);
  });
});
