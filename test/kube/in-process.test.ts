import { KubeClient } from '../../operator/kube/index.ts';
import { ApiServer } from '../apiserver/index.ts';
import { customContract } from './custom-contract.ts';
import { machineryContract } from './machinery-contract.ts';
import { serverContract, type ContractServer } from './server-contract.ts';

async function open(): Promise<ContractServer> {
  const server = new ApiServer();
  const client = new KubeClient(server.connect());
  return Promise.resolve({
    client,
    namespace: 'contract',
    expiredRevision: () => {
      const { revision } = server.store;
      server.store.put('v1/configmaps', {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { namespace: 'contract', name: 'last' },
      } as never);
      server.compact();
      return Promise.resolve(String(revision - 1));
    },
    close: () => Promise.resolve(),
  });
}

serverContract('the API server in this process', open);
machineryContract('the machinery, on the API server in this process', open);
customContract('our kinds, on the API server in this process', open);
