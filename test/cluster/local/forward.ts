import { connect, createServer } from 'node:net';
import { gateway } from './layout.ts';

/**
 * Carries connections into the cluster's network namespace. File 3 listens on the machine's loopback interface, where it was
 * opened; this process, and so each connection that it makes, is inside.
 */
const server = createServer({ allowHalfOpen: true }, (outer) => {
  const inner = connect({ host: gateway, port: 6443, allowHalfOpen: true, noDelay: true });
  outer.setNoDelay();
  outer.pipe(inner).pipe(outer);
  outer.on('error', () => inner.destroy()).on('close', () => inner.destroy());
  inner.on('error', () => outer.destroy()).on('close', () => outer.destroy());
});
server.listen({ fd: 3 });
