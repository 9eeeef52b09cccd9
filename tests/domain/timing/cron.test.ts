import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { nextWallClock, parseCron, previousWallClock } from '../../../src/domain/timing/cron.ts';
import { DAY_MS } from '../../../src/domain/timing/duration.ts';
import { at, iso } from './times.ts';

/** The next `count` fires after a wall clock. */
function fires(expression: string, after: string, count: number): string[] {
  const cron = parseCron(expression);
  let ms = at(after);
  return Array.from({ length: count }, () => {
    ms = nextWallClock(cron, ms) ?? assert.fail('no next');
    return new Date(ms).toISOString().replace(':00.000Z', '').replace('T', ' ');
  });
}

describe('cron expressions', () => {
  it('reads 5 fields, and 6 with leading seconds', () => {
    assert.deepEqual(fires('30 9 * * *', '2026-01-01T09:30:00Z', 2), [
      '2026-01-02 09:30',
      '2026-01-03 09:30',
    ]);
    assert.equal(
      iso(nextWallClock(parseCron('15,45 * * * * *'), at('2026-01-01T00:00:15Z'))),
      '2026-01-01T00:00:45.000Z',
    );
  });

  it('reads lists, ranges, steps and names in any case', () => {
    const cron = parseCron('5,*/20 8-10 1-31/10 jan,Mar-MAY Mon-FRI/2');
    assert.deepEqual(cron, {
      isAnyDay: false,
      isAnyWeekday: false,
      seconds: [0],
      minutes: [0, 5, 20, 40],
      hours: [8, 9, 10],
      days: [1, 11, 21, 31],
      months: [0, 2, 3, 4],
      weekdays: [1, 3, 5],
    });
  });

  it('knows Sunday as 0 and as 7, at both ends of a range', () => {
    const weekdays = (field: string) => parseCron(`0 0 * * ${field}`).weekdays;
    assert.deepEqual(weekdays('0'), [0]);
    assert.deepEqual(weekdays('7'), [0]);
    assert.deepEqual(weekdays('SUN-TUE'), [0, 1, 2]);
    assert.deepEqual(weekdays('FRI-SUN'), [0, 5, 6]);
    assert.deepEqual(weekdays('0-7'), [0, 1, 2, 3, 4, 5, 6]);
  });

  it('separates fields at any white space', () => {
    assert.deepEqual(parseCron(' 0\t9  * * * '), parseCron('0 9 * * *'));
  });

  const nicknames: [string, string][] = [
    ['@yearly', '0 0 1 1 *'],
    ['@annually', '0 0 1 1 *'],
    ['@monthly', '0 0 1 * *'],
    ['@weekly', '0 0 * * SUN'],
    ['@daily', '0 0 * * *'],
    ['@Midnight', '0 0 * * *'],
    ['@hourly', '0 * * * *'],
  ];
  for (const [nickname, fields] of nicknames) {
    it(`reads ${nickname}`, () => assert.deepEqual(parseCron(nickname), parseCron(fields)));
  }

  it('fires on either when days and weekdays are both restricted, else on the restricted one', () => {
    assert.deepEqual(fires('0 0 13 * FRI', '2026-02-01T00:00:00Z', 3), [
      '2026-02-06 00:00',
      '2026-02-13 00:00',
      '2026-02-20 00:00',
    ]);
    assert.deepEqual(fires('0 0 13 * *', '2026-02-01T00:00:00Z', 2), [
      '2026-02-13 00:00',
      '2026-03-13 00:00',
    ]);
    assert.deepEqual(fires('0 0 * * FRI', '2026-02-20T00:00:00Z', 1), ['2026-02-27 00:00']);
    assert.deepEqual(fires('0 0 31 2 MON', '2026-02-20T00:00:00Z', 2), [
      '2026-02-23 00:00',
      '2027-02-01 00:00',
    ]);
  });

  /** The days of March 2026, which began on a Sunday, and of February. */
  const daysOf = (days: string, weekdays: string, month = 3) => {
    const cron = parseCron(`0 12 ${days} ${month} ${weekdays}`);
    const all = Array.from({ length: 31 }, (_, i) => at('2026-03-01T12:00:00Z') + i * DAY_MS);
    const february = all.slice(0, 28).map((ms) => ms - 28 * DAY_MS);
    return (month === 2 ? february : all).filter((ms) => nextWallClock(cron, ms - 1) === ms)
      .map((ms) => new Date(ms).getUTCDate());
  };
  const every = (first: number, step: number, last = 31) =>
    Array.from({ length: 31 }, (_, i) => first + i * step).filter((day) => day <= last);
  const restrictions: [days: string, weekdays: string, expected: number[]][] = [
    ['*', '1', every(2, 7)],
    ['1-31', '1', every(1, 1)],
    ['1-15,16-31', '1', every(1, 1)],
    ['1', '*', [1]],
    ...['0-6', '1-7', '0-7', 'MON-SUN', 'SUN-SAT', '0,1,2,3,4,5,6', '0-6/1', '1-7/1'].map((
      weekdays,
    ): [string, string, number[]] => ['1', weekdays, every(1, 1)]),
    // As robfig/cron has it: a step of 1 is none, and a list with * in it is as wide as *.
    ['1', '*/1', [1]],
    ['1', '*,MON', [1]],
    ['1', 'MON,*/01', [1]],
    ['*/1', '1', every(2, 7)],
    ['7,*', '1', every(2, 7)],
    [
      '*/2',
      '1',
      [...every(1, 2), ...every(2, 14), 16, 30].filter((day, i, all) => all.indexOf(day) === i).sort((a, b) =>
        a - b
      ),
    ],
    ['1', '*/2', [1, ...every(3, 7), ...every(5, 7), ...every(7, 7), ...every(8, 7)].sort((a, b) => a - b)],
    ['*/31', '*', [1]],
    ['*', '*', every(1, 1)],
    ['1-31', '0-6', every(1, 1)],
  ];
  for (const [days, weekdays, expected] of restrictions) {
    it(`takes "${days}" and "${weekdays}" for restrictions by how they are written`, () => {
      assert.deepEqual(daysOf(days, weekdays), expected);
    });
  }

  it('fires by the weekday where a month has no such day', () => {
    assert.deepEqual(daysOf('31', '0-6', 2), every(1, 1, 28));
    assert.deepEqual(daysOf('30,31', '1', 2), every(2, 7, 28));
  });

  it('finds 29 February, also across the year 2100', () => {
    assert.deepEqual(fires('0 0 29 2 *', '2026-01-01T00:00:00Z', 1), ['2028-02-29 00:00']);
    assert.deepEqual(fires('0 0 29 2 *', '2096-02-29T00:00:00Z', 1), ['2104-02-29 00:00']);
    assert.equal(
      iso(previousWallClock(parseCron('0 0 29 2 *'), at('2104-02-28T23:59:59Z'))),
      '2096-02-29T00:00:00.000Z',
    );
  });

  it('ends with what can be scheduled', () => {
    const cron = parseCron('* * * * *');
    assert.equal(iso(nextWallClock(cron, -Infinity)), '0000-01-01T00:00:00.000Z');
    assert.equal(iso(nextWallClock(cron, at('9999-12-31T23:58:00Z'))), '9999-12-31T23:59:00.000Z');
    assert.equal(nextWallClock(cron, at('9999-12-31T23:59:00Z')), null);
    assert.equal(nextWallClock(cron, Infinity), null);
    const yearly = parseCron('0 1 31 12 *');
    assert.equal(iso(nextWallClock(yearly, at('9999-01-01T00:00:00Z'))), '9999-12-31T01:00:00.000Z');
    assert.equal(nextWallClock(yearly, at('9999-12-31T01:00:00Z')), null);
    assert.equal(iso(previousWallClock(cron, Infinity)), '9999-12-31T23:59:00.000Z');
    assert.equal(previousWallClock(parseCron('0 0 2 1 *'), at('0000-01-01T12:00:00Z')), null);
    assert.equal(previousWallClock(cron, -Infinity), null);
  });
});

describe('cron expressions that are refused', () => {
  const blank = 'there is a blank in it, and blanks separate fields; write';
  const number = 'is not understood; write a whole number';
  const fields = 'there must be 5 fields (minute hour day month weekday), or 6 with leading seconds; found';
  const refused: [string, string][] = [
    ['', `${fields} 0`],
    ['* * * *', `${fields} 4`],
    ['* * * * * * *', `${fields} 7`],
    ['0 25 * * *', 'field 2 (hours): 25 is outside 0–23'],
    ['0 0 25 * * *', 'field 3 (hours): 25 is outside 0–23'],
    ['60 * * * * *', 'field 1 (seconds): 60 is outside 0–59'],
    ['0 0 0 1 *', 'field 3 (days): 0 is outside 1–31'],
    ['0 0 1 13 *', 'field 4 (months): 13 is outside 1–12'],
    ['0 0 * * 8', 'field 5 (weekdays): 8 is outside 0–7'],
    [
      '1,70 99 * * MONDAY',
      'field 1 (minutes): 70 is outside 0–59; field 2 (hours): 99 is outside 0–23; ' +
      `field 5 (weekdays): "MONDAY" ${number} 0–7 or a name MON–SUN`,
    ],
    ['5x * * * *', `field 1 (minutes): "5x" ${number} 0–59`],
    ['1.5 * * * *', `field 1 (minutes): "1.5" ${number} 0–59`],
    ['-5 * * * *', `field 1 (minutes): "" in "-5" ${number} 0–59`],
    ['*-5 * * * *', `field 1 (minutes): "*" in "*-5" ${number} 0–59`],
    ['MON * * * *', `field 1 (minutes): "MON" ${number} 0–59`],
    ['0 0 * FOO *', `field 4 (months): "FOO" ${number} 1–12 or a name JAN–DEC`],
    ['5/10 * * * *', 'field 1 (minutes): a step needs a range: write 5-59/10'],
    ['0 0 * * 1/2', 'field 5 (weekdays): a step needs a range: write 1-6/2'],
    [
      '*/0 * * * *',
      'field 1 (minutes): the step "0" is not understood; write a whole number from 1, as in */2',
    ],
    [
      '*/1.5 * * * *',
      'field 1 (minutes): the step "1.5" is not understood; write a whole number from 1, as in */2',
    ],
    [
      '*/ * * * *',
      'field 1 (minutes): the step "" is not understood; write a whole number from 1, as in */2',
    ],
    [
      '*/5/2 * * * *',
      'field 1 (minutes): "*/5/2" is not understood; write a value, a range as in 0-59, or * , each with a step as in */2',
    ],
    [
      '1-2-3 * * * *',
      'field 1 (minutes): "1-2-3" is not understood; write a value, a range as in 0-59, or * , each with a step as in */2',
    ],
    [
      '1,,2 * * * *',
      'field 1 (minutes): an element of the list is empty; write values with single commas between, as in 1,5',
    ],
    ['0 22-2 * * *', 'field 2 (hours): the range 22-2 runs backwards; write 22-23,0-2 if it is to go round'],
    [
      '0 0 * * SAT-MON',
      'field 5 (weekdays): the range SAT-MON runs backwards; write SAT-6,0-MON if it is to go round',
    ],
    ['0 0 ? * *', "field 3 (days): '?' is not understood; write *"],
    ['0 0 L * *', "field 3 (days): 'L' (the last one) is not understood; list days, as in 28"],
    ['0 0 * * 5L', "field 5 (weekdays): 'L' (the last one) is not understood; list days, as in 28"],
    [
      '0 0 15W * *',
      "field 3 (days): 'W' (the nearest working day) is not understood; list days, or weekdays as in MON-FRI",
    ],
    [
      '0 0 * * MON#2',
      "field 5 (weekdays): '#' (the nth weekday of a month) is not understood; list days of the month instead, as in 1-7",
    ],
    [
      'TZ=Asia/Tokyo 0 9 * * *',
      'a time zone inside the expression is not understood; leave it out and set definition.timezone',
    ],
    [
      'CRON_TZ=UTC 0 9 * * *',
      'a time zone inside the expression is not understood; leave it out and set definition.timezone',
    ],
    [
      '@reboot',
      '"@reboot" is not understood; write one of @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly, or 5 or 6 fields',
    ],
    [
      '@every 5m',
      '"@every 5m" is not understood; write a schedule of type duration, with definition.interval',
    ],
    ['0 0 31 2 *', 'it never fires: there is no 31st of February'],
    ['0 0 30,31 2 *', 'it never fires: there is no 30th of February'],
    ['0 0 31 4,JUN *', 'it never fires: there is no 31st of April or June'],
    ['0 0 31 2 */1', 'it never fires: there is no 31st of February'],
    ['0 0 * * MON, TUE', `field 5 (weekdays): ${blank} MON,TUE`],
    ['0 0 * * MON , TUE', `field 5 (weekdays): ${blank} MON,TUE`],
    ['0 0 0 * * MON ,TUE,\tWED', `field 6 (weekdays): ${blank} MON,TUE,WED`],
    ['0 9 - 17 * * *', `field 2 (hours): ${blank} 9-17`],
    ['*/ 5 * * * *', `field 1 (minutes): ${blank} */5`],
    ['0 0 1, 15 * MON, TUE', `field 3 (days): ${blank} 1,15`],
    [
      '1, * * * *',
      'field 1 (minutes): an element of the list is empty; write values with single commas between, as in 1,5',
    ],
    ['0 0 * * 😀', `field 5 (weekdays): "😀" ${number} 0–7 or a name MON–SUN`],
    ['* '.repeat(501), 'the expression has 1002 characters; at most 1000 are allowed'],
  ];
  for (const [expression, message] of refused) {
    it(
      JSON.stringify(expression.slice(0, 40)),
      () => assert.throws(() => parseCron(expression), { message }),
    );
  }
});

describe('in a process whose zone is New York', () => {
  const zone = process.env.TZ;
  before(() => {
    process.env.TZ = 'America/New_York';
  });
  after(() => {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  });

  it('finds the same wall clocks, also where that zone has a gap', () => {
    assert.equal(new Date('2026-03-08T12:00:00Z').getHours(), 8, 'the process keeps New York time');
    assert.deepEqual(fires('30 2 * * *', '2026-03-06T12:00:00Z', 3), [
      '2026-03-07 02:30',
      '2026-03-08 02:30',
      '2026-03-09 02:30',
    ]);
    const previous = previousWallClock(parseCron('*/15 * * * *'), at('2026-03-08T02:44:59Z'));
    assert.equal(iso(previous), '2026-03-08T02:30:00.000Z');
  });
});
