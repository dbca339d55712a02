import { LockkeeperError, type ErrorCode } from '../errors.ts';

/** Why a ZooKeeper request failed. */
export type ZkReason =
  | 'no-node'
  | 'node-exists'
  | 'bad-version'
  | 'not-empty'
  | 'not-allowed'
  | 'reconfig-in-progress'
  | 'no-new-quorum'
  | 'bad-request'
  | 'connection-loss'
  | 'session-expired'
  | 'closed';

/** A failed ZooKeeper request. */
export class ZkError extends LockkeeperError {
  readonly reason: ZkReason;
  readonly path: string;
  /** Whether the server may have carried the request out all the same: it was sent and the connection broke before the answer. */
  readonly uncertain: boolean;

  constructor(reason: ZkReason, operation: string, path: string, options: { uncertain?: boolean; found?: string } = {}) {
    super(CODES[reason], `${TITLES[reason]}: ${operation} ${path}`, {
      details: { operation, path, reason },
      ...(options.found === undefined ? {} : { found: options.found }),
    });
    this.name = 'ZkError';
    this.reason = reason;
    this.path = path;
    this.uncertain = options.uncertain ?? false;
  }
}

/** Whether this is a failed ZooKeeper request with one of these reasons. */
export function isZkError(error: unknown, ...reasons: ZkReason[]): error is ZkError {
  return error instanceof ZkError && (reasons.length === 0 || reasons.includes(error.reason));
}

const CODES: Record<ZkReason, ErrorCode> = {
  'no-node': 'LK1705',
  'node-exists': 'LK1705',
  'bad-version': 'LK1705',
  'not-empty': 'LK1705',
  'not-allowed': 'LK1705',
  'reconfig-in-progress': 'LK1705',
  'no-new-quorum': 'LK1705',
  'bad-request': 'LK1705',
  'connection-loss': 'LK1701',
  'session-expired': 'LK1702',
  closed: 'LK1701',
};

const TITLES: Record<ZkReason, string> = {
  'no-node': 'no such znode',
  'node-exists': 'the znode exists',
  'bad-version': 'the znode was changed meanwhile',
  'not-empty': 'the znode has children',
  'not-allowed': 'the znode’s access list does not allow it',
  'reconfig-in-progress': 'another change of the ensemble is under way',
  'no-new-quorum': 'too few of the new voters follow the leader',
  'bad-request': 'ZooKeeper refused the request',
  'connection-loss': 'connection to ZooKeeper lost',
  'session-expired': 'ZooKeeper session expired',
  closed: 'ZooKeeper session closed',
};

/** Return codes of the C client (zookeeper.h, enum ZOO_ERRORS). */
const REASONS = new Map<number, ZkReason>([
  [-4, 'connection-loss'],
  [-7, 'connection-loss'],
  [-9, 'connection-loss'], // ZINVALIDSTATE: the handle has no connection
  [-13, 'no-new-quorum'],
  [-14, 'reconfig-in-progress'],
  [-101, 'no-node'],
  [-102, 'not-allowed'],
  [-103, 'bad-version'],
  [-110, 'node-exists'],
  [-111, 'not-empty'],
  [-112, 'session-expired'],
  [-115, 'not-allowed'],
  [-116, 'connection-loss'], // ZCLOSING: this handle was given up; the session may live on in the next one
  [-118, 'connection-loss'], // the session moved to another server, the request was not carried out
]);

/** `sent`: whether the request left this process before it failed. */
export function zkErrorOf(code: number, operation: string, path: string, sent: boolean): ZkError {
  const reason = REASONS.get(code) ?? 'bad-request';
  return new ZkError(reason, operation, path, {
    uncertain: sent && reason === 'connection-loss' && code !== -118,
    ...(reason === 'bad-request' ? { found: `ZooKeeper error ${code}` } : {}),
  });
}
