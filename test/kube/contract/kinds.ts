import { beforeAll, describe, expect, it } from 'vitest';
import {
  isInvalid,
  resources,
  type KubeClient,
  type Lease,
  type Service,
  type StatefulSet,
} from '../../../operator/kube/index.ts';
import { clientService, deployment, disruptionBudget, headlessService, statefulSet, volumeClaim } from '../objects.ts';
import { failure, type ContractContext } from './context.ts';

/** What is special about each of the kinds that the operator writes. */
export function kindsContract(on: ContractContext): void {
  describe('kinds', () => {
    let client: KubeClient;
    let namespace: string;
    const { unique, at } = on;
    beforeAll(() => {
      ({ client, namespace } = on.server);
    });

    it('Secret: stringData becomes data', async () => {
      const secret = {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { namespace, name: unique() },
        stringData: { password: 'käse' },
      };
      const live = await client.create(resources.Secret, secret);
      expect(live.data).toEqual({ password: Buffer.from('käse').toString('base64') });
      expect(live.stringData).toBeUndefined();
      expect(live.type).toBe('Opaque');
      const body = { type: 'kubernetes.io/tls' };
      expect(isInvalid(await failure(client.patch(resources.Secret, at(live), { type: 'merge', body })))).toBe(true);
    });

    it('Lease: times have six digits', async () => {
      const lease = (renewTime: string): Lease => ({
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { namespace, name: unique('lease') },
        spec: { holderIdentity: 'me', leaseDurationSeconds: 15, renewTime },
      });
      expect((await failure(client.create(resources.Lease, lease('2026-01-01T00:00:00.123Z')))).status).toBe(400);
      const live = await client.create(resources.Lease, lease('2026-01-01T00:00:00.123000Z'));
      expect(live.spec!.renewTime).toBe('2026-01-01T00:00:00.123000Z');
      const { holderIdentity: _holder, ...spec } = live.spec!;
      const released = await client.replace(resources.Lease, { ...live, spec: { ...spec, leaseDurationSeconds: 1 } });
      expect(released.spec!.holderIdentity).toBeUndefined();
      expect(
        isInvalid(await failure(client.replace(resources.Lease, { ...released, spec: { ...spec, leaseDurationSeconds: 0 } }))),
      ).toBe(true);
      const { resourceVersion: _version, ...metadata } = released.metadata;
      expect(isInvalid(await failure(client.replace(resources.Lease, { ...released, metadata })))).toBe(true);
    });

    it('StatefulSet: only some fields of its spec change', async () => {
      const wanted = statefulSet(namespace, unique('set'));
      await client.apply(resources.StatefulSet, wanted);
      const error = await failure(
        client.apply(resources.StatefulSet, { ...wanted, spec: { ...wanted.spec!, serviceName: 'other' } }),
      );
      expect(isInvalid(error)).toBe(true);
      // Kubernetes before 1.37 names what may change, later ones what may not.
      expect(error.message).toMatch(/updates to statefulset spec for fields other than|spec.serviceName: .*field is immutable/);
      expect(
        (await client.apply(resources.StatefulSet, { ...wanted, spec: { ...wanted.spec!, replicas: 5 } })).spec!.replicas,
      ).toBe(5);
    });

    it('StatefulSet: what cannot work is refused, field by field', async () => {
      const wanted = statefulSet(namespace, unique('set'));
      const { template } = wanted.spec!;
      const container = template.spec!.containers[0]!;
      const cases: [Partial<NonNullable<StatefulSet['spec']>>, string][] = [
        [{ replicas: -1 }, 'spec.replicas'],
        [{ selector: { matchLabels: { app: 'other' } } }, 'spec.template.metadata.labels'],
        [
          {
            template: {
              ...template,
              spec: { ...template.spec!, containers: [{ ...container, volumeMounts: [{ name: 'none', mountPath: '/x' }] }] },
            },
          },
          'spec.template.spec.containers[0].volumeMounts[0].name',
        ],
        [
          { template: { ...template, spec: { ...template.spec!, containers: [{ ...container, name: 'Upper' }] } } },
          'spec.template.spec.containers[0].name',
        ],
      ];
      for (const [change, field] of cases) {
        const error = await failure(client.apply(resources.StatefulSet, { ...wanted, spec: { ...wanted.spec!, ...change } }));
        expect(isInvalid(error)).toBe(true);
        expect(error.details.causes?.map((cause) => cause.field)).toContain(field);
      }
    });

    it('StatefulSet and Deployment: their defaults', async () => {
      const set = await client.apply(resources.StatefulSet, statefulSet(namespace, unique('set')));
      expect(set.spec).toMatchObject({
        revisionHistoryLimit: 10,
        persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
        volumeClaimTemplates: [
          { apiVersion: 'v1', kind: 'PersistentVolumeClaim', spec: { volumeMode: 'Filesystem' }, status: { phase: 'Pending' } },
        ],
      });
      expect(set.spec!.template.spec).toMatchObject({
        restartPolicy: 'Always',
        dnsPolicy: 'ClusterFirst',
        schedulerName: 'default-scheduler',
        volumes: [{ configMap: { defaultMode: 420 } }, { emptyDir: {} }],
      });
      const container = set.spec!.template.spec!.containers[0]!;
      expect(container).toMatchObject({
        imagePullPolicy: 'IfNotPresent',
        terminationMessagePath: '/dev/termination-log',
        terminationMessagePolicy: 'File',
        ports: [{ protocol: 'TCP' }, { protocol: 'TCP' }],
        resources: { requests: { cpu: '500m', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' } },
        readinessProbe: {
          httpGet: { scheme: 'HTTP' },
          timeoutSeconds: 1,
          periodSeconds: 5,
          successThreshold: 1,
          failureThreshold: 3,
        },
      });
      expect(container.env).toEqual([
        { name: 'MODE', value: 'voter' },
        { name: 'POD', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } },
        { name: 'EMPTY' },
      ]);
      const workers = await client.apply(resources.Deployment, deployment(namespace, unique('workers')));
      expect(workers.spec).toMatchObject({ revisionHistoryLimit: 10, progressDeadlineSeconds: 600 });
      expect(workers.spec!.template.spec!.volumes![0]).toMatchObject({ projected: { defaultMode: 420 } });
    });

    it('Service: gets an address, unless it is headless, and keeps it', async () => {
      const headless = await client.apply(resources.Service, headlessService(namespace, unique('svc')));
      expect(headless.spec).toMatchObject({ clusterIP: 'None', type: 'ClusterIP', sessionAffinity: 'None' });
      expect(headless.spec!.ports).toEqual([
        { name: 'client', port: 2181, protocol: 'TCP', targetPort: 2181 },
        { name: 'quorum', port: 2888, protocol: 'TCP', targetPort: 2888 },
      ]);
      const wanted = clientService(namespace, unique('svc'));
      const live = await client.apply(resources.Service, wanted);
      expect(live.spec!.clusterIP).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
      const again = await client.apply(resources.Service, {
        ...wanted,
        spec: { ...wanted.spec!, ports: [{ name: 'x', port: 1 }] },
      });
      expect(again.spec!.clusterIP).toBe(live.spec!.clusterIP);
      expect(again.spec!.ports).toEqual([{ name: 'x', port: 1, protocol: 'TCP', targetPort: 1 }]);
      const bad: Service = { ...clientService(namespace, unique('svc')), spec: { ports: [{ port: 1 }, { port: 2 }] } };
      expect((await failure(client.apply(resources.Service, bad))).details.causes?.[0]?.field).toBe('spec.ports[0].name');
    });

    it('PodDisruptionBudget: has one bound', async () => {
      const wanted = disruptionBudget(namespace, unique('budget'));
      const error = await failure(
        client.apply(resources.PodDisruptionBudget, { ...wanted, spec: { ...wanted.spec!, minAvailable: 1 } }),
      );
      expect(isInvalid(error)).toBe(true);
    });

    it('PersistentVolumeClaim: is protected, and its spec stays', async () => {
      const wanted = volumeClaim(namespace, unique('claim'));
      const live = await client.apply(resources.PersistentVolumeClaim, wanted);
      expect(live.metadata.finalizers).toEqual(['kubernetes.io/pvc-protection']);
      expect(live.spec).toMatchObject({ volumeMode: 'Filesystem', resources: { requests: { storage: '1Gi' } } });
      expect(live.status).toMatchObject({ phase: 'Pending' });
      const other = { ...wanted, spec: { ...wanted.spec!, accessModes: ['ReadWriteMany'] } };
      expect(isInvalid(await failure(client.apply(resources.PersistentVolumeClaim, other)))).toBe(true);
      await client.delete(resources.PersistentVolumeClaim, at(live));
      await client.patch(resources.PersistentVolumeClaim, at(live), {
        type: 'merge',
        body: { metadata: { finalizers: null } },
      });
    });
  });
}
