import { LockkeeperError, messageOf, type ErrorCode } from './errors.ts';

/** Which end of a pipeline a server is: decides the code range of its errors. */
export type Side = 'source' | 'target';

interface DriverError extends Error {
  readonly code?: string;
  readonly errno?: number;
  readonly sqlState?: string;
}

/** MySQL's error number, undefined when the connection itself broke or the error is none of a server. */
export function serverErrno(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  const { errno } = error as DriverError;
  return typeof errno === 'number' && errno >= 1000 ? errno : undefined;
}

/** The same, where an error of ours may stand before the driver's. */
export function errnoBehind(error: unknown): number | undefined {
  return serverErrno(error) ?? (error instanceof Error ? serverErrno(error.cause) : undefined);
}

type Kind = 'login' | 'unreachable' | 'grant' | 'tls';

const codes: Record<Side, Record<Kind, ErrorCode>> = {
  source: { login: 'LK1101', unreachable: 'LK1102', grant: 'LK1103', tls: 'LK1111' },
  target: { login: 'LK1301', unreachable: 'LK1302', grant: 'LK1303', tls: 'LK1111' },
};

const kinds = new Map<number, Kind>([
  ...each('login', [
    1045, // ER_ACCESS_DENIED_ERROR
    1130, // ER_HOST_NOT_PRIVILEGED
    1251, // ER_NOT_SUPPORTED_AUTH_MODE
    1524, // ER_PLUGIN_IS_NOT_LOADED
    1698, // ER_ACCESS_DENIED_NO_PASSWORD_ERROR
    1820, // ER_MUST_CHANGE_PASSWORD
    1862, // ER_MUST_CHANGE_PASSWORD_LOGIN
    3118, // ER_ACCOUNT_HAS_BEEN_LOCKED
    4151, // MariaDB ER_ACCOUNT_HAS_BEEN_LOCKED
  ]),
  ...each('grant', [
    1044, // ER_DBACCESS_DENIED_ERROR
    1142, // ER_TABLEACCESS_DENIED_ERROR
    1143, // ER_COLUMNACCESS_DENIED_ERROR
    1227, // ER_SPECIFIC_ACCESS_DENIED_ERROR
    1370, // ER_PROCACCESS_DENIED_ERROR
  ]),
  ...each('tls', [
    3159, // ER_SECURE_TRANSPORT_REQUIRED
  ]),
  ...each('unreachable', [
    1040, // ER_CON_COUNT_ERROR
    1041, // ER_OUT_OF_RESOURCES
    1053, // ER_SERVER_SHUTDOWN
    1077, // ER_NORMAL_SHUTDOWN
    1129, // ER_HOST_IS_BLOCKED
    1152, // ER_ABORTING_CONNECTION
    1158, // ER_NET_READ_ERROR
    1159, // ER_NET_READ_INTERRUPTED
    1160, // ER_NET_ERROR_ON_WRITE
    1161, // ER_NET_WRITE_INTERRUPTED
    1184, // ER_NEW_ABORTING_CONNECTION
    1203, // ER_TOO_MANY_USER_CONNECTIONS
    1226, // ER_USER_LIMIT_REACHED
    1317, // ER_QUERY_INTERRUPTED
    1927, // MariaDB ER_CONNECTION_KILLED
    3032, // ER_SERVER_OFFLINE_MODE
    3168, // ER_SERVER_ISNT_AVAILABLE
    3169, // ER_SESSION_WAS_KILLED
    4031, // ER_CLIENT_INTERACTION_TIMEOUT
  ]),
]);

/** What the operating system and mysql2 call a connection that does not come about or breaks. */
const networkCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EAI_FAIL',
  'EAI_NODATA',
  'ENODATA',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'EPIPE',
  'EADDRNOTAVAIL',
  'PROTOCOL_CONNECTION_LOST',
  'PROTOCOL_SEQUENCE_TIMEOUT',
  'ERR_STREAM_WRITE_AFTER_END',
  'ERR_STREAM_DESTROYED',
]);

/**
 * Names the fault behind a driver's error: login, missing grant, TLS or an unreachable server, with a code of the side's range
 * and whether trying again can help. Undefined for errors that speak of none of these (a failed statement, for instance).
 */
export function accessError(side: Side, server: string, error: unknown): LockkeeperError | undefined {
  if (error instanceof LockkeeperError) return error;
  const kind = kindOf(error);
  if (kind === undefined) return undefined;
  const code = codes[side][kind];
  const text = messageOf(error);
  const errno = serverErrno(error);
  return new LockkeeperError(code, `${side} ${server}: ${verdicts[kind]}: ${text}`, {
    found: text,
    remedy: errno === 3159 ? 'The server demands encryption: set tls.mode to Required or VerifyIdentity.' : undefined,
    details: { server, ...(errno === undefined ? {} : { errno }) },
    cause: error,
  });
}

/** The error of ours for a statement that failed at a source: what accessError says, else LK1115. */
export function sourceError(server: string, error: unknown): LockkeeperError {
  const known = accessError('source', server, error);
  if (known !== undefined) return known;
  const text = messageOf(error);
  return new LockkeeperError('LK1115', `source ${server} refused a statement: ${text}`, {
    found: text,
    details: { server, errno: serverErrno(error) },
    cause: error,
  });
}

const verdicts: Record<Kind, string> = {
  login: 'login refused',
  unreachable: 'unreachable',
  grant: 'privilege missing',
  tls: 'TLS failure',
};

function kindOf(error: unknown): Kind | undefined {
  if (error instanceof AggregateError) return kindOf(error.errors[0]);
  if (!(error instanceof Error)) return undefined;
  const errno = serverErrno(error);
  if (errno !== undefined) return kinds.get(errno);
  const { code, message } = error as DriverError;
  if (code === 'HANDSHAKE_NO_SSL_SUPPORT') return 'tls';
  // mysql2 gives every failure of the TLS handshake this code, also that of a server that goes down meanwhile.
  if (code === 'HANDSHAKE_SSL_ERROR')
    return /disconnected before secure|ECONNRESET|ETIMEDOUT/.test(message) ? 'unreachable' : 'tls';
  if (code === 'AUTH_SWITCH_PLUGIN_ERROR' || message.includes('unknown plugin')) return 'login';
  if (code !== undefined && networkCodes.has(code)) return 'unreachable';
  if (message.includes('connection is in closed state') || message.includes('Connection lost')) return 'unreachable';
  return undefined;
}

function each(kind: Kind, numbers: readonly number[]): [number, Kind][] {
  return numbers.map((number) => [number, kind]);
}
