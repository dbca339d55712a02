import { describe, expect, it } from 'vitest';
import { MariadbPosition } from './mariadb-position.ts';

describe('MariadbPosition', () => {
  it('keeps the last transaction of each domain', () => {
    const position = MariadbPosition.parse('5-2-3, 0-1-17');
    position.add('0-9-18');
    position.add('12-1-1');
    expect(position.toString()).toBe('0-9-18,5-2-3,12-1-1');
  });

  it('counts everything up to it in the same domain as done', () => {
    const position = MariadbPosition.parse('0-1-17');
    expect(position.contains('0-99-17')).toBe(true);
    expect(position.contains('0-1-18')).toBe(false);
    expect(position.contains('1-1-1')).toBe(false);
    expect(position.containsSet(MariadbPosition.parse('0-1-5'))).toBe(true);
    expect(position.containsSet(MariadbPosition.parse('0-1-5,1-1-1'))).toBe(false);
  });

  it('is not changed through a clone', () => {
    const position = MariadbPosition.parse('0-1-17');
    const copy = position.clone();
    copy.add('0-1-18');
    expect(position.equals(copy)).toBe(false);
    expect(position.toString()).toBe('0-1-17');
  });

  it.each(['0-1', '0-1-x', '0-1-1,0-2-2', '4294967296-1-1', '0-1-9007199254740992', 'uuid:1'])('refuses %j', (text) => {
    expect(() => MariadbPosition.parse(text)).toThrow(RangeError);
  });
});
