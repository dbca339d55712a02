import type { KubeObject, Live, ObjectRef } from '../../../operator/kube/objects.ts';
import { collectionPath, objectPath, type Resource } from '../../../operator/kube/resources.ts';
import type { TransportRequest } from '../../../operator/kube/transport.ts';
import type { ApiServer } from '../api-server.ts';
import type { Status } from '../../../operator/kube/errors.ts';

/** A simulated controller's way to the server: without delay and without faults. */
export class Actor {
  readonly #server: ApiServer;
  readonly #manager: string;

  constructor(server: ApiServer, manager: string) {
    this.#server = server;
    this.#manager = manager;
  }

  get now(): number {
    return this.#server.clock.now();
  }

  list<T extends KubeObject>(resource: Resource<T>): readonly Live<T>[] {
    return this.#server.store.list(`${resource.apiVersion}/${resource.plural}`) as readonly Live<T>[];
  }

  find<T extends KubeObject>(resource: Resource<T>, ref: ObjectRef): Live<T> | undefined {
    const key = ref.namespace === undefined ? ref.name : `${ref.namespace}/${ref.name}`;
    return this.#server.store.get(`${resource.apiVersion}/${resource.plural}`, key) as Live<T> | undefined;
  }

  /** Everything there is. */
  all(): readonly Live[] {
    return [...this.#server.store.all()];
  }

  create<T extends KubeObject>(resource: Resource<T>, object: T): Live<T> {
    return this.#do('POST', collectionPath(resource, object.metadata.namespace), object) as Live<T>;
  }

  patch(resource: Resource, ref: ObjectRef, body: object, subresource?: 'status'): void {
    this.#do('PATCH', objectPath(resource, ref, subresource), body);
  }

  delete(resource: Resource, { metadata }: Live, gracePeriodSeconds?: number): void {
    this.#do('DELETE', objectPath(resource, metadata), {
      preconditions: { uid: metadata.uid },
      ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    });
  }

  #do(method: TransportRequest['method'], path: string, body: unknown): unknown {
    const answer = this.#server.handle({
      method,
      path,
      body,
      query: { fieldManager: this.#manager },
      ...(method === 'PATCH' ? { contentType: 'application/merge-patch+json' } : {}),
    });
    if (answer.status >= 300) throw new Error(`${this.#manager}: ${(answer.body as Status).message}`);
    return answer.body;
  }
}
