import { expect, test } from 'vitest';
import { digestId, userAcl } from './acl.ts';

test('digest ids are those of ZooKeeper', () => {
  // A pair that ZooKeeper's own users quote.
  expect(digestId('super:admin')).toBe('super:xQJmxLMiHGwaqBvst5y6rkB6HQs=');
  expect(digestId('a:b:c')).toMatch(/^a:.{27}=$/);
});

test('a list for one user holds that user only', () => {
  expect(userAcl('u:p')).toEqual([{ perms: 31, scheme: 'digest', id: digestId('u:p') }]);
});
