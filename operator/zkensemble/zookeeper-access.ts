import { parseConnectString } from '../../common/zookeeper/connect-string.ts';
import { ZkSession } from '../../common/zookeeper/session.ts';
import { isZkError, ZkError } from '../../common/zookeeper/zk-error.ts';
import { superAuth, workerAcl, type Credentials } from './credentials.ts';
import type { EnsembleAccess } from './ensemble-access.ts';
import { formatMember, parseMemberConfig, type Member, type MemberConfig } from './members.ts';
import type { ServerSays } from './plan/view.ts';
import { isRootSecured, secureRoot, writeBarrier } from './secure-root.ts';
import { askServer } from './server-says.ts';
import { clientHost } from './servers.ts';

const CONFIG_PATH = '/zookeeper/config';
/** The operator has time; a leader change must not end its session. */
const SESSION_MS = 20_000;
const WAIT_MS = 5_000;

/** An ensemble as the super user reaches it. One session is kept, and replaced when other servers serve than before. */
export class ZookeeperAccess implements EnsembleAccess {
  readonly #credentials: Credentials;
  #session: ZkSession | null = null;
  #connectString = '';

  constructor(credentials: Credentials) {
    this.#credentials = credentials;
  }

  ask(server: Member): Promise<ServerSays | null> {
    const [address] = parseConnectString(clientHost(server));
    return askServer(address!.host, address!.port);
  }

  config(servers: readonly Member[]): Promise<MemberConfig | null> {
    return this.#read(servers, async (session) => {
      await session.sync();
      return parseMemberConfig((await session.get(CONFIG_PATH)).data.toString());
    });
  }

  isSecured(servers: readonly Member[]): Promise<boolean | null> {
    return this.#read(servers, (session) => isRootSecured(session, workerAcl(this.#credentials)));
  }

  async reconfigure(
    servers: readonly Member[],
    change: { readonly joining: readonly Member[]; readonly leaving: readonly number[]; readonly fromVersion: string },
  ): Promise<void> {
    const session = await this.#connect(servers);
    await session.reconfigure({ ...change, joining: change.joining.map(formatMember) });
  }

  async secure(servers: readonly Member[]): Promise<boolean> {
    return secureRoot(await this.#connect(servers), workerAcl(this.#credentials));
  }

  async writeBarrier(servers: readonly Member[]): Promise<void> {
    await writeBarrier(await this.#connect(servers));
  }

  async close(): Promise<void> {
    await this.#session?.close();
    this.#session = null;
  }

  /** Null while nobody answers. */
  async #read<T>(servers: readonly Member[], read: (session: ZkSession) => Promise<T>): Promise<T | null> {
    if (servers.length === 0) return null;
    try {
      return await read(await this.#connect(servers));
    } catch (error) {
      if (isZkError(error, 'connection-loss', 'session-expired', 'closed')) return null;
      throw error;
    }
  }

  async #connect(servers: readonly Member[]): Promise<ZkSession> {
    if (servers.length === 0) throw new ZkError('connection-loss', 'connect', '', { found: 'no server serves' });
    const connectString = servers.map(clientHost).join(',');
    if (this.#session === null || this.#session.ended || connectString !== this.#connectString) {
      await this.close();
      this.#connectString = connectString;
      this.#session = new ZkSession({
        servers: connectString,
        digestAuth: superAuth(this.#credentials),
        acl: workerAcl(this.#credentials),
        sessionTimeoutMs: SESSION_MS,
        requestWaitMs: WAIT_MS,
      });
    }
    await this.#session.whenConnected(WAIT_MS);
    return this.#session;
  }
}
