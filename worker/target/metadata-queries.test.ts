import { expect, test } from 'vitest';
import { membersOf } from './metadata-queries.ts';

test.each([
  ["enum('a','b')", ['a', 'b']],
  ["set('','it''s','x,y')", ['', "it's", 'x,y']],
  [String.raw`enum('back\\slash','new\nline','nul\0','q''\\')`, ['back\\slash', 'new\nline', 'nul\0', "q'\\"]],
  ["enum('ä','日本')", ['ä', '日本']],
])('members of %s', (columnType, members) => {
  expect(membersOf(columnType)).toEqual(members);
});
