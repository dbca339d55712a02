import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { run } from '../run.ts';
import { apiServiceAddress, gateway, nodes, type Layout } from './layout.ts';

/** Who logs in with a certificate, as the API server's roles expect it. */
const clients: readonly { readonly file: string; readonly subject: string }[] = [
  { file: 'admin', subject: '/O=system:masters/CN=admin' },
  { file: 'kubelet-client', subject: '/O=system:masters/CN=kube-apiserver' },
  { file: 'kube-controller-manager', subject: '/CN=system:kube-controller-manager' },
  { file: 'kube-scheduler', subject: '/CN=system:kube-scheduler' },
  { file: 'kube-proxy', subject: '/CN=system:kube-proxy' },
  ...nodes.map(({ name }) => ({ file: name, subject: `/O=system:nodes/CN=system:node:${name}` })),
];

const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '365'];

/** The cluster's certificate authority, what it has signed, and the key of the service accounts. */
export async function makePki(layout: Layout): Promise<void> {
  mkdirSync(layout.pki(''), { recursive: true, mode: 0o700 });
  const pair = (file: string) => ['-keyout', layout.pki(`${file}.key`), '-out', layout.pki(`${file}.crt`)];
  const authority = [
    '-CA',
    layout.pki('ca.crt'),
    '-CAkey',
    layout.pki('ca.key'),
    '-addext',
    'basicConstraints=critical,CA:FALSE',
  ];
  await run('openssl', ['req', '-x509', ...key, ...pair('ca'), '-subj', '/CN=lockkeeper-test']);
  const names = [
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    'kubernetes.default.svc.cluster.local',
    'localhost',
  ];
  const addresses = ['127.0.0.1', gateway, apiServiceAddress];
  const alternatives = [...names.map((name) => `DNS:${name}`), ...addresses.map((address) => `IP:${address}`)].join(',');
  const serving = ['-addext', 'extendedKeyUsage=serverAuth', '-addext', `subjectAltName=${alternatives}`];
  await Promise.all([
    run('openssl', ['req', '-x509', ...authority, ...key, ...pair('apiserver'), '-subj', '/CN=kube-apiserver', ...serving]),
    ...clients.map(({ file, subject }) =>
      run('openssl', [
        'req',
        '-x509',
        ...authority,
        ...key,
        ...pair(file),
        '-subj',
        subject,
        '-addext',
        'extendedKeyUsage=clientAuth',
      ]),
    ),
  ]);
  const accounts = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  writeFileSync(layout.pki('service-accounts.key'), accounts.privateKey.export({ type: 'pkcs8', format: 'pem' }), {
    mode: 0o600,
  });
  writeFileSync(layout.pki('service-accounts.pub'), accounts.publicKey.export({ type: 'spki', format: 'pem' }));
}

/** Writes a kubeconfig, whole in itself, for the holder of a certificate. */
export function writeKubeconfig(layout: Layout, path: string, client: string, server: string): void {
  const base64 = (file: string) => readFileSync(layout.pki(file)).toString('base64');
  const name = 'lockkeeper';
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, 'certificate-authority-data': base64('ca.crt') } }],
    users: [{ name, user: { 'client-certificate-data': base64(`${client}.crt`), 'client-key-data': base64(`${client}.key`) } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  };
  writeFileSync(path, JSON.stringify(config, null, 2), { mode: 0o600 });
}
