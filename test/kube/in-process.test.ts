import { KubeClient, resources } from '../../operator/kube/index.ts';
import { ApiServer } from '../apiserver/index.ts';
import { kubeContract } from './contract/index.ts';
import { configMap } from './objects.ts';

kubeContract('the API server in this process', () => {
  const server = new ApiServer();
  const client = new KubeClient(server.connect());
  const namespace = 'contract';
  return Promise.resolve({
    client,
    namespace,
    expiredRevision: async () => {
      const { resourceVersion } = await client.list(resources.ConfigMap, { namespace, limit: 1 });
      await client.create(resources.ConfigMap, configMap(namespace, 'last'));
      server.compact();
      return resourceVersion;
    },
    close: () => Promise.resolve(),
  });
});
