import { expect, it } from 'vitest';
import { parseAddress } from './address.ts';

it.each([
  ['127.0.0.1:9190', { host: '127.0.0.1', port: 9190 }],
  ['0.0.0.0:0', { host: '0.0.0.0', port: 0 }],
  ['worker-1.local:65535', { host: 'worker-1.local', port: 65_535 }],
  ['[::1]:80', { host: '::1', port: 80 }],
  ['9190', null],
  [':9190', null],
  ['localhost', null],
  ['localhost:', null],
  ['localhost:http', null],
  ['localhost:65536', null],
  ['::1:80', null],
  ['a b:80', null],
])('reads %s', (text, address) => expect(parseAddress(text)).toEqual(address));
