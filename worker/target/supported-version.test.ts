import { expect, test } from 'vitest';
import { requireVersion, versionFault } from './supported-version.ts';

test.each([
  ['mysql', '8.0.15', 'LK1312'],
  ['mysql', '5.7.44-log', 'LK1312'],
  ['mysql', '8.0.16', null],
  ['mysql', '8.4.0', null],
  ['mysql', '9.7.4', null],
  ['mariadb', '10.5.29-MariaDB', 'LK1107'],
  ['mariadb', '10.6.0-MariaDB-log', null],
  ['mariadb', '11.4.2-MariaDB', null],
] as const)('%s %s', (flavor, version, code) => {
  expect(versionFault(flavor, version)).toBe(code);
});

test('the error names what was found', () => {
  expect(() => requireVersion({ flavor: 'mysql', version: '8.0.15' })).toThrow(
    expect.objectContaining({ code: 'LK1312', found: '8.0.15' }) as Error,
  );
});
