import { describe, expect, it } from 'vitest';
import { GtidSet } from './gtid-set.ts';

const A = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const B = '00000000-0000-0000-0000-00000000000b';

describe('GtidSet', () => {
  it.each([
    ['', ''],
    [`${A}:1`, `${A}:1`],
    [`${A}:5-7:1-3:4`, `${A}:1-7`],
    [`${A}:1-3:2-10:20`, `${A}:1-10:20`],
    [`${A}:1-3,\n${B}:4, ${A}:4`, `${B}:4,${A}:1-4`],
    [A.toUpperCase() + ':1', `${A}:1`],
    [A.replaceAll('-', '') + ':1', `${A}:1`],
    [`${A}:tag_2:1-2:tag_1:7:9-10`, `${A}:tag_1:7:9-10:tag_2:1-2`],
    [`${A}:TAG:1,${A}:3,${A}:tag:2`, `${A}:3:tag:1-2`],
    [`${A}:9007199254740991`, `${A}:9007199254740991`],
  ])('prints %j as %j', (text, canonical) => {
    expect(GtidSet.parse(text).toString()).toBe(canonical);
    expect(GtidSet.parse(canonical).toString()).toBe(canonical);
  });

  it.each(['x:1', A, `${A}:`, `${A}:0`, `${A}:5-3`, `${A}:tag`, `${A}:1:tag`, `${A}:2tag:1`, `${A}:9007199254740992`, '0-1-17'])(
    'refuses %j',
    (text) => {
      expect(() => GtidSet.parse(text)).toThrow(RangeError);
    },
  );

  it('adds transactions in order, out of order and twice', () => {
    const set = new GtidSet();
    for (const gno of [1, 2, 3, 7, 5, 6, 2, 4, 10]) set.add(`${A}:${gno}`);
    set.add(`${A}:tag:1`);
    set.add(`${A}:11`);
    set.add(`${B}:5`);
    set.add(`${A}:tag:2`);
    expect(set.toString()).toBe(`${B}:5,${A}:1-7:10-11:tag:1-2`);
    expect(set.count).toBe(12);
  });

  it('keeps a tag apart from its UUID', () => {
    const set = GtidSet.parse(`${A}:tag:1-5`);
    expect(set.contains(`${A}:3`)).toBe(false);
    expect(set.contains(`${A}:tag:3`)).toBe(true);
    expect(set.containsSet(GtidSet.parse(`${A}:1`))).toBe(false);
  });

  it('agrees with sets of numbers', () => {
    let state = 42;
    const below = (limit: number) => (state = (state * 1103515245 + 12345) % 2147483648) % limit;
    const make = () => {
      const numbers = new Set<number>();
      const set = new GtidSet();
      for (let i = below(20); i > 0; i--) {
        const first = 1 + below(40);
        const last = first + below(6);
        set.addInterval(A, first, last);
        for (let n = first; n <= last; n++) numbers.add(n);
      }
      return { numbers, set };
    };
    const list = (set: GtidSet) => Array.from({ length: 60 }, (_, n) => n).filter((n) => n > 0 && set.contains(`${A}:${n}`));
    for (let round = 0; round < 500; round++) {
      const a = make();
      const b = make();
      expect(list(a.set)).toEqual([...a.numbers].sort((x, y) => x - y));
      expect(list(a.set.subtract(b.set))).toEqual([...a.numbers].filter((n) => !b.numbers.has(n)).sort((x, y) => x - y));
      expect(list(a.set.union(b.set))).toEqual([...new Set([...a.numbers, ...b.numbers])].sort((x, y) => x - y));
      expect(a.set.containsSet(b.set)).toBe([...b.numbers].every((n) => a.numbers.has(n)));
      expect(GtidSet.parse(a.set.toString()).equals(a.set)).toBe(true);
      expect(a.set.subtract(a.set).isEmpty).toBe(true);
    }
  });
});
