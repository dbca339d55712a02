import { describe, expect, it } from 'vitest';
import { formatServer, parseConnectString } from './connect-string.ts';

describe('a connect string', () => {
  it('keeps its order, with 2181 where no port stands', () => {
    expect(parseConnectString('near:2182, far , 10.0.0.1:2183')).toEqual([
      { host: 'near', port: 2182 },
      { host: 'far', port: 2181 },
      { host: '10.0.0.1', port: 2183 },
    ]);
  });

  it('takes IPv6 addresses in brackets, and writes them so', () => {
    expect(parseConnectString('[fd00::1]:2182,[::1]')).toEqual([
      { host: 'fd00::1', port: 2182 },
      { host: '::1', port: 2181 },
    ]);
    expect(formatServer({ host: '::1', port: 2181 })).toBe('[::1]:2181');
    expect(formatServer({ host: 'near', port: 2181 })).toBe('near:2181');
  });

  it.each(['', 'a,,b', 'a:0', 'a:65536', 'a:x', ':2181', '::1:2181', 'a b'])('refuses %j', (text) => {
    expect(() => parseConnectString(text)).toThrow(expect.objectContaining({ code: 'LK1003' }));
  });

  it('refuses a path, and says why', () => {
    expect(() => parseConnectString('a:2181/kafka')).toThrow(
      expect.objectContaining({ code: 'LK1003', remedy: expect.stringContaining('/lockkeeper') }),
    );
  });
});
