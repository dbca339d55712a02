import { parseAddress } from '../../common/http/address.ts';
import { serveAt } from '../../common/http/server.ts';
import { createLogger } from '../../common/log.ts';
import { drained, untilSignal } from '../../common/signals.ts';
import { findAccess } from '../kube/index.ts';
import { OperatorProcess } from './operator-process.ts';
import type { OperatorOptions } from './options.ts';

/**
 * `lockkeeper operator`: what an operator pod runs. Resolves to the exit code: 0 after SIGTERM or SIGINT, 1 when leadership was lost.
 * @throws LockkeeperError LK1801 without access to an API server
 */
export async function operator(options: OperatorOptions): Promise<number> {
  const log = createLogger(options.logLevel, { operator: options.podName });
  const signalled = untilSignal(log);
  const access = await findAccess();
  const process_ = new OperatorProcess(access, options, log);
  const http = await serveAt(options.http, process_.registry, process_.probes);
  const { host } = parseAddress(options.http)!;
  const { watchNamespaces: namespaces } = options;
  log.info(
    { http: `http://${host}:${http.port}`, server: access.server, namespaces: namespaces.length === 0 ? 'all' : namespaces },
    'started',
  );
  const stop = new AbortController();
  const running = process_.run(stop.signal);
  const end = await Promise.race([running, signalled.then(() => 'signalled' as const)]);
  if (end === 'lost') {
    // What is still under way could come late, so nothing is waited for.
    log.error('leadership was lost: this process ends, and another one leads');
    return 1;
  }
  stop.abort();
  await drained(running);
  await http.close();
  return 0;
}
