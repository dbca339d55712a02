import { isIP } from 'node:net';
import type { ConnectionOptions, SslOptions } from 'mysql2';
import { LockkeeperError } from './errors.ts';

export type TlsMode = 'Disabled' | 'Required' | 'VerifyIdentity';

export interface TlsSettings {
  /** Required encrypts and, with a CA, checks who signed; VerifyIdentity also checks the host name. */
  readonly mode: TlsMode;
  /** PEM text of the authority that signed the server's certificate; null: none (Required) or the system's (VerifyIdentity). */
  readonly ca: string | null;
}

/** Where a MySQL or MariaDB server listens and how to log in. Holds a secret: never log it, use `nameOf`. */
export interface MysqlEndpoint {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly tls: TlsSettings;
}

/** `host:port`, for messages. */
export function nameOf(endpoint: Pick<MysqlEndpoint, 'host' | 'port'>): string {
  return endpoint.host.includes(':') ? `[${endpoint.host}]:${endpoint.port}` : `${endpoint.host}:${endpoint.port}`;
}

export const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Options for mysql2. Values come as text (dates, big numbers) and never as JavaScript dates or rounded numbers.
 * A fresh object each time, since mysql2 writes into the TLS settings it is given.
 * Throws LK1111 when the identity of an IP address is to be verified: mysql2 would compare the certificate with "localhost".
 */
export function connectionOptions(endpoint: MysqlEndpoint): ConnectionOptions {
  const ssl = tlsOptions(endpoint);
  return {
    host: endpoint.host,
    port: endpoint.port,
    user: endpoint.user,
    password: endpoint.password,
    connectTimeout: CONNECT_TIMEOUT_MS,
    enableKeepAlive: true,
    keepAliveInitialDelay: 30_000,
    supportBigNumbers: true,
    bigNumberStrings: true,
    dateStrings: true,
    connectAttributes: { program_name: 'lockkeeper' },
    ...(ssl === null ? {} : { ssl }),
  };
}

function tlsOptions(endpoint: MysqlEndpoint): SslOptions | null {
  const { mode, ca } = endpoint.tls;
  const authority = ca === null ? {} : { ca };
  switch (mode) {
    case 'Disabled':
      return null;
    case 'Required':
      return { ...authority, rejectUnauthorized: ca !== null, verifyIdentity: false };
    case 'VerifyIdentity':
      if (isIP(endpoint.host) !== 0) {
        throw new LockkeeperError('LK1111', `tls.mode VerifyIdentity cannot verify the IP address ${endpoint.host}`, {
          found: nameOf(endpoint),
          remedy: 'Give the host by the name that stands in its certificate, or use tls.mode Required with a CA.',
        });
      }
      return { ...authority, rejectUnauthorized: true, verifyIdentity: true };
    default:
      return mode satisfies never;
  }
}
