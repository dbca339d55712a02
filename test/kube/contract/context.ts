import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { KubeError, resources, type ConfigMap, type KubeClient, type Live } from '../../../operator/kube/index.ts';
import { pathsOf, type FieldSet } from '../../apiserver/field-set.ts';
import { configMap } from '../objects.ts';

/** A server that the contract is asked of, with a namespace that nobody else uses. */
export interface ContractServer {
  readonly client: KubeClient;
  readonly namespace: string;
  /** A revision whose history is gone. */
  expiredRevision(): Promise<string>;
  close(): Promise<void>;
}

export type OpenContractServer = () => Promise<ContractServer>;

/** What the parts of the contract share. */
export class ContractContext {
  #server: ContractServer | undefined;

  async open(open: OpenContractServer): Promise<void> {
    this.#server = await open();
  }

  async close(): Promise<void> {
    await this.#server?.close();
  }

  /** From the first beforeAll on. */
  get server(): ContractServer {
    if (this.#server === undefined) throw new Error('no server is open yet');
    return this.#server;
  }

  readonly unique = (prefix = 'x'): string => `${prefix}-${randomUUID().slice(0, 8)}`;

  /** Makes a ConfigMap. */
  readonly made = (data?: Record<string, string>, name = this.unique()): Promise<Live<ConfigMap>> =>
    this.server.client.create(resources.ConfigMap, configMap(this.server.namespace, name, data));

  readonly at = (object: Live) => ({ namespace: this.server.namespace, name: object.metadata.name });
}

/** What failed; fails the test when nothing did. */
export async function failure(promise: Promise<unknown>): Promise<KubeError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(KubeError);
  return error as KubeError;
}

/** The paths that each field manager owns. */
export function managers(object: Live): Record<string, string[]> {
  return Object.fromEntries(
    (object.metadata.managedFields ?? []).map((entry) => [
      `${entry.manager} ${entry.operation}${entry.subresource === undefined ? '' : ` ${entry.subresource}`}`,
      pathsOf(entry.fieldsV1 as FieldSet).sort(),
    ]),
  );
}
