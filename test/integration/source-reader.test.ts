import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SourceReader } from '../../worker/snapshot/source-reader.ts';
import { withSession } from '../../worker/source/endpoint.ts';
import { startMysql, TcpProxy, type DbServer } from '../servers/index.ts';
import { endpointOf } from './source-helpers.ts';

describe('connections to a source', () => {
  let server: DbServer;
  beforeAll(async () => {
    server = await startMysql();
  });
  afterAll(() => server?.kill9());

  const endless = 'SELECT SLEEP(100)';
  it.each([
    ['a statement', (reader: SourceReader) => reader.query(endless)],
    ['values', (reader: SourceReader) => reader.values(endless)],
    ['rows', (reader: SourceReader) => reader.stream(endless, { row: () => undefined })],
  ])('give up %s that is waited for when they are cut', { timeout: 10_000 }, async (_name, ask) => {
    const reader = await SourceReader.open(endpointOf(server));
    const answer = expect(ask(reader)).rejects.toMatchObject({ code: 'LK1102' });
    setTimeout(() => reader.destroy(), 200);
    await answer;
    await expect(reader.query('SELECT 1')).rejects.toMatchObject({ code: 'LK1102' });
  });

  it('say that the source refused a statement, not the target', async () => {
    const refused = { code: 'LK1115', message: expect.stringContaining('no_such_table'), details: { errno: 1146 } };
    const reader = await SourceReader.open(endpointOf(server));
    await expect(reader.query('SELECT * FROM mysql.no_such_table')).rejects.toMatchObject(refused);
    reader.destroy();
    const asked = withSession(endpointOf(server), (session) => session.query('SELECT * FROM mysql.no_such_table'));
    await expect(asked).rejects.toMatchObject(refused);
  });

  it.each(['connecting', 'asking'] as const)('end at once when told to while %s', { timeout: 5000 }, async (when) => {
    await using proxy = await TcpProxy.start(server);
    if (when === 'connecting') proxy.freeze();
    const stop = new AbortController();
    const ended = withSession(endpointOf(proxy), (session) => session.query(endless), stop.signal);
    setTimeout(() => stop.abort(), 500);
    await expect(ended).rejects.toMatchObject({ code: 'LK1102' });
  });
});
