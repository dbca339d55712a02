import { connect } from 'node:net';
import type { ServerSays } from './plan/view.ts';

/** Reads the answer to srvr; null where the server serves nobody. */
export function parseSrvr(answer: string): Omit<ServerSays, 'syncedFollowers'> | null {
  const mode = /^Mode: (leader|follower|observer)\s*$/m.exec(answer)?.[1] as ServerSays['mode'] | undefined;
  const zxid = /^Zxid: 0x([0-9a-f]+)\s*$/m.exec(answer)?.[1];
  return mode === undefined || zxid === undefined ? null : { mode, zxid };
}

/** A leader's count of voters that follow it and are up to date, from the answer to mntr. */
export function parseSyncedFollowers(answer: string): number | undefined {
  const count = /^zk_synced_followers\s+(\d+)/m.exec(answer)?.[1];
  return count === undefined ? undefined : Number(count);
}

/** Sends a four-letter word; the whole answer. Rejects when there is none within `timeoutMs`. */
export function fourLetterWord(host: string, port: number, word: string, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect({ host, port }, () => socket.write(word));
    const timer = setTimeout(() => socket.destroy(new Error(`no answer to ${word} within ${timeoutMs} ms`)), timeoutMs);
    socket.setEncoding('utf8');
    socket.on('data', (part) => (answer += String(part)));
    socket.on('error', reject);
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(answer);
    });
  });
}

/** What a server says of itself; null where it does not answer or serves nobody. */
export async function askServer(host: string, port: number, timeoutMs = 2_000): Promise<ServerSays | null> {
  try {
    const says = parseSrvr(await fourLetterWord(host, port, 'srvr', timeoutMs));
    if (says?.mode !== 'leader') return says;
    const synced = await fourLetterWord(host, port, 'mntr', timeoutMs).then(parseSyncedFollowers, () => undefined);
    return { ...says, syncedFollowers: synced };
  } catch {
    return null;
  }
}
