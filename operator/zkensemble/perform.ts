import { messageOf } from '../../common/errors.ts';
import { isZkError } from '../../common/zookeeper/zk-error.ts';
import {
  isAlreadyExists,
  Postponed,
  refOf,
  resources,
  type EventNote,
  type EventRecorder,
  type KubeClient,
  type KubeSecret,
  type Live,
  type ReconcileContext,
  type ZkEnsembleResource,
} from '../kube/index.ts';
import type { AccessPool } from './access-pool.ts';
import { credentialKeys, credentialsFrom, newCredentials, secretData, type Credentials } from './credentials.ts';
import type { EnsembleAccess } from './ensemble-access.ts';
import type { ExtraStep } from './ensemble-plan.ts';
import { MEMBER_IDS, ownedMeta } from './objects/labels.ts';
import { claimName } from './objects/stateful-set.ts';
import type { Names, Server } from './servers.ts';

export interface PerformTools {
  readonly client: KubeClient;
  readonly access: AccessPool;
  readonly events: EventRecorder;
  readonly namesOf: (object: Live<ZkEnsembleResource>) => Names;
  readonly random?: (bytes: number) => Buffer;
}

type Changed = 'changed' | 'unchanged';

/** Does what is more than applying and deleting objects. Each looks first whether what it rests on still holds. */
export class Performer {
  readonly #tools: PerformTools;

  constructor(tools: PerformTools) {
    this.#tools = tools;
  }

  async perform(step: ExtraStep, object: Live<ZkEnsembleResource>, { signal }: ReconcileContext): Promise<Changed> {
    const { client } = this.#tools;
    switch (step.kind) {
      case 'recordIds': {
        const { uid, resourceVersion } = object.metadata;
        const annotations = { [MEMBER_IDS]: JSON.stringify(step.record) };
        const body = { metadata: { uid, resourceVersion, annotations } };
        await client.patch(resources.ZkEnsemble, refOf(object), { type: 'merge', body }, { signal });
        return 'changed';
      }
      case 'completeSecret':
        return this.#completeSecret(object, signal);
      case 'secure': {
        const done = await this.#ask(object, (access) => access.secure(step.servers));
        if (!done) return 'unchanged';
        this.#record(object, 'AccessSecured', 'Everything under /lockkeeper is for the operator and the workers only');
        return 'changed';
      }
      case 'reconfig': {
        await this.#ask(object, (access) => access.reconfigure(step.servers, step.change));
        this.#record(object, step.change.joining.length > 0 ? 'MemberJoined' : 'MemberLeft', capitalised(step.change.why));
        return 'changed';
      }
      case 'barrier':
        await this.#ask(object, (access) => access.writeBarrier(step.servers));
        return 'unchanged';
      case 'dropVolume':
        return this.#dropVolume(object, step.server, signal);
      case 'replaceSet': {
        const { uid, name, namespace } = step.set.metadata;
        const live = await client.find(resources.StatefulSet, { name, namespace }, { signal });
        if (live?.metadata.uid !== uid || live.metadata.deletionTimestamp !== undefined) return 'unchanged';
        const preconditions = { uid, resourceVersion: live.metadata.resourceVersion };
        await client.delete(resources.StatefulSet, { name, namespace }, { preconditions, propagation: 'Orphan', signal });
        this.#record(
          object,
          'VolumeTemplateReplaced',
          `StatefulSet ${name} is made anew, its pods stay: new volumes will have the new size`,
        );
        return 'changed';
      }
      default:
        return step satisfies never;
    }
  }

  /** A change of the ensemble that another is in the way of, or whose answer was lost, is looked at again. */
  async #ask<T>(object: Live<ZkEnsembleResource>, request: (access: EnsembleAccess) => Promise<T>): Promise<T> {
    const access = this.#tools.access.current(object.metadata.uid);
    if (access === null) throw new Postponed('the ensemble’s credentials are not known yet');
    try {
      return await request(access);
    } catch (error) {
      if (isZkError(error, 'not-allowed')) {
        throw new Error(
          `the servers do not know the operator's password: they were started with another Secret; restore it, or restart them (${messageOf(error)})`,
          { cause: error },
        );
      }
      if (
        isZkError(error, 'connection-loss', 'session-expired', 'closed', 'bad-version', 'reconfig-in-progress', 'no-new-quorum')
      ) {
        throw new Postponed(messageOf(error));
      }
      throw error;
    }
  }

  async #completeSecret(object: Live<ZkEnsembleResource>, signal: AbortSignal): Promise<Changed> {
    const { client, random } = this.#tools;
    const names = this.#tools.namesOf(object);
    const ref = { name: names.auth, namespace: names.namespace };
    const found = await client.find(resources.Secret, ref, { signal });
    if (found === undefined) {
      const secret: KubeSecret = {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: ownedMeta(object, names, names.auth),
        type: 'Opaque',
        data: encoded(newCredentials(random)),
      };
      try {
        await client.create(resources.Secret, secret, { signal });
      } catch (error) {
        if (!isAlreadyExists(error)) throw error; // by an attempt whose answer was lost, or by a person
        return 'changed';
      }
      this.#record(object, 'CredentialsMade', `Passwords for operator and workers are in Secret ${names.auth}`);
      return 'changed';
    }
    const given = Object.fromEntries(
      Object.entries(found.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]),
    );
    // Passwords that a person put there are kept; what follows from them is filled in.
    const fresh = newCredentials(random);
    const credentials = credentialsFrom(given) ?? {
      superPassword: given[credentialKeys.superPassword] || fresh.superPassword,
      workerPassword: given[credentialKeys.workerPassword] || fresh.workerPassword,
    };
    const { uid, resourceVersion } = found.metadata;
    const body = { metadata: { uid, resourceVersion }, data: encoded(credentials) };
    await client.patch(resources.Secret, ref, { type: 'merge', body }, { signal });
    this.#record(object, 'CredentialsMade', `Secret ${names.auth} was completed`);
    return 'changed';
  }

  async #dropVolume(object: Live<ZkEnsembleResource>, server: Server, signal: AbortSignal): Promise<Changed> {
    const { client } = this.#tools;
    const names = this.#tools.namesOf(object);
    const at = (name: string) => ({ name, namespace: names.namespace });
    const [set, pod] = await Promise.all([
      client.find(resources.StatefulSet, at(names.set(server.group)), { signal }),
      client.find(resources.Pod, at(server.pod), { signal }),
    ]);
    if (pod !== undefined || (set?.spec?.replicas ?? 0) > server.ordinal) throw new Postponed(`${server.pod} is there again`);
    let changed: Changed = 'unchanged';
    for (const volume of ['data', 'datalog']) {
      const ref = at(claimName(volume, server.pod));
      const claim = await client.find(resources.PersistentVolumeClaim, ref, { signal });
      if (claim === undefined || claim.metadata.deletionTimestamp !== undefined) continue;
      const { uid, resourceVersion } = claim.metadata;
      await client.delete(resources.PersistentVolumeClaim, ref, { preconditions: { uid, resourceVersion }, signal });
      this.#record(
        object,
        'VolumeDeleted',
        `Volume ${ref.name} of former server ${server.id} is deleted, as storage.reclaimPolicy says`,
      );
      changed = 'changed';
    }
    return changed;
  }

  #record(object: Live<ZkEnsembleResource>, reason: string, note: string): void {
    const event: EventNote = { type: 'Normal', reason, note };
    this.#tools.events.record(object, event);
  }
}

function encoded(credentials: Credentials): Record<string, string> {
  return Object.fromEntries(
    Object.entries(secretData(credentials)).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  );
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
