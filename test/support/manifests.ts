import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { runFolder } from '../servers/index.ts';

/** Where a server listens and who logs in; a DbServer is one. */
export interface Place {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

export type ManifestDocument = Readonly<Record<string, unknown>>;
type Spec = Readonly<Record<string, unknown>>;

const apiVersion = 'lockkeeper.io/v1alpha1';

export interface InstanceOptions {
  readonly name?: string;
  readonly source: Place;
  readonly serverId: number;
  readonly spec?: Spec;
}

/** A CanalInstance with its Secret. Heartbeats come fast, so that tests need not wait for positions. */
export function instanceDocuments({ name = 'source', source, serverId, spec }: InstanceOptions): ManifestDocument[] {
  return [
    secretDocument(`${name}-source`, source),
    {
      apiVersion,
      kind: 'CanalInstance',
      metadata: { name },
      spec: {
        zkEnsembleRef: { name: 'main' },
        master: { host: source.host, port: source.port },
        credentialsSecretRef: { name: `${name}-source` },
        serverId,
        heartbeat: { intervalSeconds: 0.3, failoverAfterMisses: 30 },
        ...spec,
      },
    },
  ];
}

export interface PipelineOptions {
  readonly name: string;
  readonly instance?: string;
  readonly target: Place;
  readonly spec?: Spec;
}

/** A SyncPipeline with its Secret. Errors are tried again quickly and without end. */
export function pipelineDocuments({ name, instance = 'source', target, spec }: PipelineOptions): ManifestDocument[] {
  return [
    secretDocument(`${name}-target`, target),
    {
      apiVersion,
      kind: 'SyncPipeline',
      metadata: { name },
      spec: {
        canalInstanceRef: { name: instance },
        target: { host: target.host, port: target.port, credentialsSecretRef: { name: `${name}-target` } },
        onError: { retries: 1000, maxBackoffSeconds: 0.5 },
        ...spec,
      },
    },
  ];
}

export const ensembleDocument: ManifestDocument = { apiVersion, kind: 'ZkEnsemble', metadata: { name: 'main' }, spec: {} };

function secretDocument(name: string, { user, password }: Place): ManifestDocument {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData: { username: user, password } };
}

/** Writes documents as one file for `-f`; with the ensemble that every CanalInstance names. */
export function writeManifest(...documents: readonly (readonly ManifestDocument[])[]): string {
  return writeText([ensembleDocument, ...documents.flat()].map((document) => stringify(document)).join('---\n'));
}

/** A manifest file with this very text. */
export function writeText(text: string): string {
  const file = join(runFolder('manifests'), 'manifest.yaml');
  writeFileSync(file, text);
  return file;
}
