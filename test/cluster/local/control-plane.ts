import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { kubectl } from '../clients.ts';
import { gateway, type Layout } from './layout.ts';
import { inside, script, startInside } from './namespace.ts';
import { writeKubeconfig } from './pki.ts';

/** Starts etcd and the API server, makes the API reachable on this machine's loopback interface, and starts the controllers. */
export async function startControlPlane(layout: Layout): Promise<void> {
  for (const name of ['kube-controller-manager', 'kube-scheduler'])
    writeKubeconfig(layout, layout.pki(`${name}.conf`), name, `https://${gateway}:6443`);
  await inside(layout, ['sh', script('control-plane.sh'), 'api']);
  const port = await forward(layout);
  writeKubeconfig(layout, layout.kubeconfig, 'admin', `https://127.0.0.1:${port}`);
  await apiReady(layout, 180);
  await inside(layout, ['sh', script('control-plane.sh'), 'controllers']);
}

/** Waits until the API server says that it is ready. */
export async function apiReady(layout: Layout, seconds: number): Promise<void> {
  for (const deadline = Date.now() + seconds * 1000; ;) {
    try {
      await kubectl(layout, ['get', '--raw=/readyz', '--request-timeout=5s']);
      return;
    } catch (error) {
      if (Date.now() > deadline) {
        const why = error instanceof Error ? error.message : String(error);
        throw new Error(`The API server is not ready after ${seconds} s; its log is ${layout.logs}/kube-apiserver.log. ${why}`, {
          cause: error,
        });
      }
      await sleep(300);
    }
  }
}

/** A port of this machine's loopback interface that leads to the API server. */
async function forward(layout: Layout): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  // Node has no public way to name the file of a listening socket, which is to be inherited.
  const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
  await startInside(layout, 'forward.log', [process.execPath, script('forward.ts')], { fd });
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
