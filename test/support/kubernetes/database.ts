import type { Cluster, Region } from '../../cluster/cluster.ts';
import type { Forward } from '../../cluster/clients.ts';
import { SqlServer } from '../../servers/sql-server.ts';

/** A MySQL server in a pod, which this process reaches through a forwarded port. Its name in the cluster is that of its Service. */
export class ClusterDatabase extends SqlServer {
  readonly name: string;
  readonly #forward: Forward;

  private constructor(name: string, forward: Forward) {
    super(forward.host, forward.port);
    this.name = name;
    this.#forward = forward;
  }

  /** Makes `mysql-REGION`, which takes seconds, unless it is there. */
  static async start(cluster: Cluster, namespace: string, region: Region): Promise<ClusterDatabase> {
    const name = `mysql-${region}`;
    await cluster.kubectl(['apply', '--server-side', '-f', '-'], {
      input: JSON.stringify(databaseObjects(namespace, name, region)),
    });
    await cluster.kubectl(['rollout', 'status', '--namespace', namespace, `deployment/${name}`, '--timeout=300s']);
    return new ClusterDatabase(name, await cluster.forward(namespace, `deployment/${name}`, 3306));
  }

  /** An account that may do everything, as `username` of a Secret. */
  async addAccount(name: string, password: string): Promise<void> {
    await this.query(`CREATE USER IF NOT EXISTS ${name}@'%' IDENTIFIED BY ?`, [password]);
    await this.query(`GRANT ALL ON *.* TO ${name}@'%'`);
  }

  async stop(): Promise<void> {
    await this.disconnect();
    await this.#forward.stop();
  }
}

const options = [
  '--gtid-mode=ON',
  '--enforce-gtid-consistency=ON',
  '--binlog-row-metadata=FULL',
  '--binlog-row-image=FULL',
  '--local-infile=ON',
  '--mysqlx=OFF',
  '--performance-schema=OFF',
  '--innodb-buffer-pool-size=128M',
  '--max-allowed-packet=64M',
];

function databaseObjects(namespace: string, name: string, region: Region): object {
  const labels = { app: name };
  const metadata = { name, namespace, labels };
  const container = {
    name: 'mysql',
    image: 'mysql:9',
    args: [...options, `--server-id=${serverIds[region]}`],
    env: [{ name: 'MYSQL_ROOT_PASSWORD', value: 'root' }],
    ports: [{ containerPort: 3306 }],
    readinessProbe: { tcpSocket: { port: 3306 }, periodSeconds: 2 },
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
  };
  const template = {
    metadata: { labels },
    spec: {
      nodeSelector: { 'topology.kubernetes.io/region': region },
      terminationGracePeriodSeconds: 5,
      securityContext: { runAsNonRoot: true, runAsUser: 999, fsGroup: 999, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [container],
    },
  };
  const items = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { selector: labels, ports: [{ port: 3306 }] } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: { strategy: { type: 'Recreate' }, selector: { matchLabels: labels }, template },
    },
  ];
  return { apiVersion: 'v1', kind: 'List', items };
}

const serverIds: Readonly<Record<Region, number>> = { home: 1, east: 2, west: 3 };
