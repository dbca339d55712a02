/** Real servers for tests, demo and bench. */
export type { DbServer, DbServerOptions, Flavor } from './db-server.ts';
export { SqlServer } from './sql-server.ts';
export { startKubeApiServer, type KubeAnswer, type KubeApiServer, type KubeRequest } from './kube-api-server.ts';
export { startMariadb } from './mariadb.ts';
export { mysqlbinlog, startMysql } from './mysql.ts';
export { freePort, runFolder } from './process.ts';
export { binlogEnd, promote, replicate, replicated, type BinlogPlace } from './replica.ts';
export { expectSameData, tableChecksums } from './same-data.ts';
export { sysbench } from './sysbench.ts';
export { TcpProxy } from './tcp-proxy.ts';
export { startZookeeper, zkSuperAuth, type ZkCluster, type ZkMember } from './zookeeper.ts';
