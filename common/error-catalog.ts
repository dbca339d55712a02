/**
 * Every error code that Lockkeeper can report. A code is stable for ever: it is never reused and its meaning never changes.
 *
 * Ranges: LK10xx manifest and configuration, LK11xx source, LK12xx binlog stream and decoding, LK13xx target, LK14xx apply,
 * LK15xx DDL, LK16xx snapshot, LK17xx coordination, LK18xx operator. docs/errors.md is generated from this table (docs/generate.ts).
 */

export interface CatalogEntry {
  /** What is wrong, in a few words; begins the message when the thrower gives none. */
  readonly title: string;
  /** What it means for the data and for the pipeline. */
  readonly meaning: string;
  /** What a person does about it. */
  readonly remedy: string;
  /** Whether trying again without any change by a person can succeed. */
  readonly retryable: boolean;
  /** A warning is reported and counted but stops nothing. */
  readonly severity: 'error' | 'warning';
}

export const errorCatalog = {
  LK1001: {
    title: 'malformed YAML',
    meaning: 'A manifest file cannot be read or is not valid YAML or JSON. Nothing was started.',
    remedy:
      'Correct the file at the line given. Indent with spaces, not tabs, write each key once, and separate documents by a line holding only ---.',
    retryable: false,
    severity: 'error',
  },
  LK1002: {
    title: 'unknown kind or apiVersion',
    meaning: 'A document in a manifest file is none of the objects that Lockkeeper reads.',
    remedy:
      'Use apiVersion lockkeeper.io/v1alpha1 with kind ZkEnsemble, CanalInstance or SyncPipeline, or apiVersion v1 with kind Secret. Keep other objects in files of their own.',
    retryable: false,
    severity: 'error',
  },
  LK1003: {
    title: 'invalid field',
    meaning: 'A field is missing, has the wrong type, lies outside its range, or contradicts another field.',
    remedy: 'Correct the field named. `kubectl explain <kind>.<field>` and docs/reference describe what each field takes.',
    retryable: false,
    severity: 'error',
  },
  LK1004: {
    title: 'unknown key',
    meaning:
      'A manifest has a key that its kind does not know. It is refused and not ignored, since an ignored key is a setting that silently does not work.',
    remedy: 'Correct the spelling, move the key to the object it belongs to, or remove it.',
    retryable: false,
    severity: 'error',
  },
  LK1005: {
    title: 'a referenced object is missing',
    meaning: 'A manifest refers to an object, or to a key of a Secret, that is not there. References stay within one namespace.',
    remedy:
      'Create the object in the same namespace, pass the file that holds it with another -f, or correct the name. A MySQL Secret has the keys username and password; a CA Secret has the key ca.crt.',
    retryable: false,
    severity: 'error',
  },
  LK1006: {
    title: 'an object is defined twice',
    meaning: 'Two documents have the same kind, namespace and name; which one counts would depend on their order.',
    remedy: 'Remove one of the two, or give it a name of its own.',
    retryable: false,
    severity: 'error',
  },
  LK1007: {
    title: 'bad regular expression',
    meaning: 'A table pattern is not a valid regular expression, is too long, or could take exponential time to match.',
    remedy:
      'Correct the pattern: canal syntax on schema.table, with the dot between them escaped, such as shop\\..* or shop\\.order_\\d+. Split a pattern that is too long into several list entries, and do not repeat a group that itself repeats.',
    retryable: false,
    severity: 'error',
  },
  LK1008: {
    title: 'feature not available yet',
    meaning:
      'The manifest asks for something that this release does not do. It is refused, since running without it would give other data than was asked for.',
    remedy: 'Remove the field named, or wait for a release whose notes list it.',
    retryable: false,
    severity: 'error',
  },
  LK1009: {
    title: 'two pipelines write one target table',
    meaning: 'Two pipelines would write the same table of the same target and overwrite each other’s rows.',
    remedy:
      'Map one of the pipelines to another schema or table, narrow spec.tables of a pipeline or spec.filter of its instance, or join the mappings in one pipeline.',
    retryable: false,
    severity: 'error',
  },
  LK1010: {
    title: 'contradictory table mapping',
    meaning:
      'spec.tables cannot be carried out: a range goes to a range of another size, one table would go to many, a rule can never match, a target name is empty or too long, or the tables lead back to themselves.',
    remedy:
      'Give source and target the same number of shards, or one target for all of them; use only groups that the source pattern has; order rules from the special to the general, the first match wins.',
    retryable: false,
    severity: 'error',
  },

  LK1011: {
    title: 'a check could not be made',
    meaning: 'The server answered one question of a check with an error; everything else was looked at all the same.',
    remedy: 'Correct what the server says, and check again.',
    retryable: true,
    severity: 'warning',
  },

  LK1101: {
    title: 'source refused the login',
    meaning: 'The source MySQL refused user name or password, or the account may not connect from the worker’s address.',
    remedy:
      'Compare username and password of the Secret in spec.credentialsSecretRef with the account at the source (SELECT user, host FROM mysql.user), and check that its host part admits the worker.',
    retryable: false,
    severity: 'error',
  },
  LK1102: {
    title: 'source unreachable',
    meaning:
      'No connection to the source MySQL: its name does not resolve, nothing listens, or the network drops packets. The position stays where it was.',
    remedy:
      'Check host and port, DNS, firewalls and NetworkPolicies between worker and source, and that mysqld runs and listens on that address (bind_address, skip_networking).',
    retryable: true,
    severity: 'error',
  },
  LK1103: {
    title: 'source grant missing',
    meaning: 'The source account may log in but lacks a privilege that reading the binlog or copying the tables needs.',
    remedy:
      'At the source: GRANT REPLICATION SLAVE, REPLICATION CLIENT, SELECT ON *.* TO the account (MariaDB 10.5 and newer: also BINLOG MONITOR). SELECT may be limited to the schemas that are copied.',
    retryable: false,
    severity: 'error',
  },
  LK1104: {
    title: 'binlog is off at the source',
    meaning: 'The source writes no binary log, so there is nothing to follow.',
    remedy:
      'Set log_bin (and on a replica that is used as source log_replica_updates or log_slave_updates) and a server_id in the source’s configuration, and restart it.',
    retryable: false,
    severity: 'error',
  },
  LK1105: {
    title: 'binlog_format is not ROW',
    meaning: 'The source logs statements. Their effect elsewhere is not determined, so they cannot be replayed exactly.',
    remedy:
      'SET GLOBAL binlog_format = ROW at the source and put it in its configuration; then let all applications reconnect, since open sessions keep the old format.',
    retryable: false,
    severity: 'error',
  },
  LK1106: {
    title: 'binlog_row_image is not FULL',
    meaning:
      'The source logs only part of each row; rows without all columns cannot be compared, moved between tables or replayed exactly.',
    remedy:
      'SET GLOBAL binlog_row_image = FULL at the source and put it in its configuration; then let all applications reconnect, since open sessions keep the old image.',
    retryable: false,
    severity: 'error',
  },
  LK1107: {
    title: 'unsupported server version or flavour',
    meaning:
      'The server is older or of another kind than the ones this release is tested with: MySQL 8.0, 8.4, 9.x and MariaDB 10.6 to 11.x.',
    remedy: 'Upgrade the server, or point the pipeline at a replica of it that runs a supported version.',
    retryable: false,
    severity: 'error',
  },
  LK1108: {
    title: 'server id in use',
    meaning:
      'Another replica with the same server id reads this source; the server ends the older connection each time, so both would stall in turn.',
    remedy:
      'Find it with SHOW REPLICAS (MariaDB: SHOW SLAVE HOSTS) or in the source’s processlist. Stop the second process, or set spec.serverId of the CanalInstance to the start of a range that nobody uses.',
    retryable: true,
    severity: 'error',
  },
  LK1109: {
    title: 'binlog position purged',
    meaning:
      'The source has deleted binlog files that this pipeline has not read. The changes in them cannot be got from this server any more. The pipeline stopped and did not jump.',
    remedy:
      'Point the instance at a server that still has them, or copy the tables anew with spec.initialLoad.mode: Always. Then keep binlogs for longer (binlog_expire_logs_seconds).',
    retryable: false,
    severity: 'error',
  },
  LK1110: {
    title: 'binlog position diverged',
    meaning:
      'The stored position holds transactions that this server does not have: it was restored, lost transactions in a failover, or is another server. Going on could skip or repeat changes.',
    remedy:
      'Compare the GTID sets named in the details. Point the instance at the server that holds the true history; if the lost transactions are to be given up, copy the tables anew with spec.initialLoad.mode: Always.',
    retryable: false,
    severity: 'error',
  },
  LK1111: {
    title: 'TLS failure',
    meaning:
      'An encrypted connection could not be made: the server offers none, the certificate is not signed by the CA given, has expired, or is for another host name.',
    remedy:
      "Check tls.mode and tls.caSecretRef (key ca.crt, PEM) against SHOW VARIABLES LIKE 'ssl_%' at the server. VerifyIdentity also needs the host name of the manifest in the certificate.",
    retryable: false,
    severity: 'error',
  },
  LK1112: {
    title: 'source heartbeat timeout',
    meaning:
      'The source sent neither events nor heartbeats for several intervals. The connection is given up and made anew; the position is kept.',
    remedy:
      'If it comes back again and again, look for a stalled source, or a proxy or firewall that cuts idle connections; raise spec.heartbeat.intervalSeconds on lines with long pauses.',
    retryable: true,
    severity: 'error',
  },
  LK1113: {
    title: 'GTID mode is off',
    meaning: 'The configuration starts by GTID, or fails over between servers by GTID, but the source assigns none.',
    remedy:
      'Turn GTIDs on at the source (gtid_mode = ON, enforce_gtid_consistency = ON), or use start.journal, start.timestamp or start.latest.',
    retryable: false,
    severity: 'error',
  },
  LK1114: {
    title: 'start timestamp not found',
    meaning: 'The moment in spec.start.timestamp lies before the oldest binlog that the source still has, or in the future.',
    remedy:
      'Choose a moment between the first event of the oldest file in SHOW BINARY LOGS and now, or start with latest: true and an initial load.',
    retryable: false,
    severity: 'error',
  },
  LK1115: {
    title: 'source refused a statement',
    meaning:
      'The source answered a question about itself or its tables with an error that no other code describes. Nothing was written, the position stays where it was.',
    remedy: 'The details hold the source’s error number and message. Correct the cause at the source; the pipeline tries again.',
    retryable: true,
    severity: 'error',
  },

  LK1201: {
    title: 'binlog checksum mismatch',
    meaning:
      'An event arrived with a wrong checksum: it was damaged on the network or in the source’s binlog file. Nothing of it was applied.',
    remedy:
      'A retry reads it again. If the same position fails each time the file itself is damaged: check it with mysqlbinlog --verify-binlog-checksum and use another replica of the source.',
    retryable: true,
    severity: 'error',
  },
  LK1202: {
    title: 'unknown binlog event',
    meaning:
      'The source sent an event type that this release does not know and that is not marked as ignorable, so skipping it could lose data.',
    remedy: 'Upgrade Lockkeeper. Please report server version and event type, both are in the details.',
    retryable: false,
    severity: 'error',
  },
  LK1203: {
    title: 'binlog event cannot be decoded',
    meaning:
      'The bytes of an event are not what its type promises. The position was not advanced and nothing of the transaction was applied.',
    remedy:
      'Look at the position given with mysqlbinlog. If mysqlbinlog reads it well this is a fault of Lockkeeper: please report it with server version and event type.',
    retryable: false,
    severity: 'error',
  },
  LK1204: {
    title: 'incident event in the binlog',
    meaning: 'The source itself reports that changes are missing from its binlog (LOST_EVENTS), for instance after a full disk.',
    remedy:
      'The gap cannot be filled from the log: copy the tables anew with spec.initialLoad.mode: Always, starting after the incident.',
    retryable: false,
    severity: 'error',
  },
  LK1205: {
    title: 'statement in the binlog where rows are needed',
    meaning:
      'A session at the source wrote INSERT, UPDATE, DELETE or LOAD DATA as a statement although the server’s format is ROW. Its exact effect is unknown.',
    remedy:
      'Find the session that sets binlog_format (its privilege SESSION_VARIABLES_ADMIN or SUPER should go), then copy the tables of that statement anew.',
    retryable: false,
    severity: 'error',
  },
  LK1206: {
    title: 'partial row image in the stream',
    meaning:
      'A row event lacks columns: a session at the source used binlog_row_image MINIMAL or NOBLOB although the server’s setting is FULL.',
    remedy: 'Let that application use the server’s setting and reconnect, then copy the table anew.',
    retryable: false,
    severity: 'error',
  },
  LK1207: {
    title: 'unsupported compressed payload',
    meaning:
      'A compressed transaction or event uses an algorithm that this release cannot unpack, or does not unpack to the size it states.',
    remedy: 'Upgrade Lockkeeper, or SET GLOBAL binlog_transaction_compression = OFF (MariaDB: log_bin_compress) at the source.',
    retryable: false,
    severity: 'error',
  },

  LK1301: {
    title: 'target refused the login',
    meaning: 'The target MySQL refused user name or password, or the account may not connect from the worker’s address.',
    remedy:
      'Compare username and password of the Secret in spec.target.credentialsSecretRef with the account at the target, and check that its host part admits the worker.',
    retryable: false,
    severity: 'error',
  },
  LK1302: {
    title: 'target unreachable',
    meaning: 'No connection to the target MySQL. The last committed checkpoint stands; nothing is lost or doubled.',
    remedy: 'Check host and port, DNS, firewalls and NetworkPolicies between worker and target, and that mysqld runs.',
    retryable: true,
    severity: 'error',
  },
  LK1303: {
    title: 'target grant missing',
    meaning: 'The target account lacks a privilege that writing the tables or keeping the checkpoint needs.',
    remedy:
      'At the target: GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES ON the target schemas and ALL ON lockkeeper.* TO the account. Raw apply also needs BINLOG_ADMIN (MariaDB: BINLOG REPLAY); without it choose apply.mode Auto or Sql.',
    retryable: false,
    severity: 'error',
  },
  LK1304: {
    title: 'target is read-only',
    meaning:
      'The target refuses writes (read_only or super_read_only), as a replica does, or a server that is being failed over.',
    remedy:
      'Point spec.target.host at the writable server, or SET GLOBAL super_read_only = OFF, read_only = OFF if this server is meant to be written.',
    retryable: true,
    severity: 'error',
  },
  LK1305: {
    title: 'target disk full',
    meaning:
      'The target has no space left for data, binlog or temporary files. The transaction was rolled back with its checkpoint.',
    remedy: 'Free or add disk space at the target; the pipeline goes on by itself.',
    retryable: true,
    severity: 'error',
  },
  LK1306: {
    title: 'packet too large',
    meaning: 'A single row is larger than the server’s max_allowed_packet admits.',
    remedy:
      'SET GLOBAL max_allowed_packet = 1073741824 at the target (and at the source, if the details name it) and put it in the configuration.',
    retryable: false,
    severity: 'error',
  },
  LK1307: {
    title: 'target table missing',
    meaning: 'Rows arrived for a table that the target does not have.',
    remedy:
      'Create the table at the target, let an initial load create it (spec.initialLoad.mode: WhenNew or Always), or correct spec.tables.',
    retryable: false,
    severity: 'error',
  },
  LK1308: {
    title: 'target table differs',
    meaning:
      'Columns, types, character sets or keys of the target table differ from the source’s such that rows would be altered or refused.',
    remedy: 'ALTER the target table to agree with the differences listed in the details, or exclude the table.',
    retryable: false,
    severity: 'error',
  },
  LK1309: {
    title: 'table without a key',
    meaning:
      'The table has neither primary key nor a unique key without NULLs. Its rows are matched by all columns, which is right but slow on large tables.',
    remedy:
      'Add a primary key at the source; an invisible auto-increment column is enough (MySQL: sql_generate_invisible_primary_key).',
    retryable: false,
    severity: 'warning',
  },
  LK1310: {
    title: 'trigger on the target table',
    meaning:
      'The target table has a trigger. What it does has already happened at the source and arrives as rows, so it would happen twice.',
    remedy: 'Drop the trigger at the target.',
    retryable: false,
    severity: 'error',
  },
  LK1311: {
    title: 'checkpoint of a newer version, or damaged',
    meaning:
      'The tables in the target’s schema lockkeeper were made by a newer release or do not hold what they should. They were not touched.',
    remedy:
      'Run the newer release again. If the tables were changed by hand restore them from a backup of the target, or remove the pipeline’s row and copy its tables anew.',
    retryable: false,
    severity: 'error',
  },
  LK1312: {
    title: 'target does not enforce CHECK constraints',
    meaning:
      'The fence against two leaders is a CHECK constraint; this target parses but does not enforce it (MySQL before 8.0.16, or check_constraint_checks = OFF in MariaDB).',
    remedy: 'Upgrade the target, or in MariaDB SET GLOBAL check_constraint_checks = ON.',
    retryable: false,
    severity: 'error',
  },
  LK1313: {
    title: 'local_infile is disabled at the target',
    meaning: 'The first copy streams rows with LOAD DATA LOCAL, which the target refuses.',
    remedy:
      'SET GLOBAL local_infile = ON at the target for the time of the copy, or set spec.initialLoad.mode: Never and copy the tables in another way.',
    retryable: false,
    severity: 'error',
  },
  LK1314: {
    title: 'target table without transactions',
    meaning:
      'The target table’s engine (MyISAM, Aria, MEMORY...) writes each row at once and for good. Rows and checkpoint could not be committed together, and whatever is rolled back and written again would stand there twice.',
    remedy: 'ALTER TABLE ... ENGINE=InnoDB at the target; the source’s table may stay as it is.',
    retryable: false,
    severity: 'error',
  },
  LK1315: {
    title: 'history of a system-versioned table cannot be kept',
    meaning:
      'A table of the source (MariaDB, WITH SYSTEM VERSIONING) keeps its rows of the past, and they travel as rows. Written as statements they would replace those of the present. Nothing of the table was written.',
    remedy:
      'History is kept between two MariaDB servers where the target’s table is WITH SYSTEM VERSIONING too and rows are replayed: apply.mode Auto or Raw, GRANT BINLOG REPLAY to the target account; a first copy also needs MariaDB 10.11 or newer at the target. Else leave the table out (spec.filter.exclude of the CanalInstance).',
    retryable: false,
    severity: 'error',
  },

  LK1401: {
    title: 'fenced by a newer epoch',
    meaning:
      'Another worker has taken over this pipeline; the database refused this one’s transaction. This is the protection against two leaders at work: nothing was written.',
    remedy:
      'Nothing to do if it happens at a takeover. If it repeats, look for a second process that runs the same pipeline outside of this ensemble.',
    retryable: false,
    severity: 'error',
  },
  LK1402: {
    title: 'row missing in the target',
    meaning: 'An UPDATE or DELETE found no row in the target: the two sides had diverged before.',
    remedy:
      'Find who else writes to the target. spec.divergence: Repair writes the source’s row, Ignore counts it and goes on; then compare the table with `lockkeeper verify`.',
    retryable: false,
    severity: 'error',
  },
  LK1403: {
    title: 'row exists in the target',
    meaning: 'An INSERT, or an UPDATE of a key, met a row that is already there: the two sides had diverged before.',
    remedy:
      'Find who else writes to the target. spec.divergence: Repair overwrites the row with the source’s, Ignore counts it and goes on; then compare the table with `lockkeeper verify`.',
    retryable: false,
    severity: 'error',
  },
  LK1404: {
    title: 'lock wait or deadlock, retries used up',
    meaning: 'Other sessions at the target hold locks on the same rows; the transaction was rolled back each time.',
    remedy:
      'Find the blocking session at the target (sys.innodb_lock_waits) and end it; long transactions of applications on the copy are the usual cause.',
    retryable: true,
    severity: 'error',
  },
  LK1405: {
    title: 'a constraint refused the row',
    meaning: 'A foreign key, CHECK or NOT NULL at the target refuses a row that the source holds.',
    remedy:
      'Make the constraint equal on both sides, or copy the referenced table too; the details name constraint, table and key.',
    retryable: false,
    severity: 'error',
  },
  LK1406: {
    title: 'value not representable in the target',
    meaning:
      'The target column cannot hold the source’s value exactly: too long, out of range, or a character missing in its character set. It was not truncated.',
    remedy: 'ALTER the target column to the source’s type and character set; the details name column and value.',
    retryable: false,
    severity: 'error',
  },
  LK1407: {
    title: 'target refused the write',
    meaning:
      'The target answered a write with an error that no other code describes. The transaction was rolled back with its checkpoint. Only error 1105, a statement that was stopped without a diagnosis as by a shutdown, is tried again, up to onError.retries times.',
    remedy:
      'The details hold the server’s error number and message, and where in the binlog the change is. Correct the cause at the target and let the pipeline go on.',
    retryable: false,
    severity: 'error',
  },
  LK1408: {
    title: 'rows of a prepared XA transaction are unknown',
    meaning:
      'The source committed an XA transaction that was prepared before this pipeline’s first position, so its rows were never received. Nothing was written.',
    remedy:
      'Copy the tables anew (initialLoad.mode Always), or start from a position before the XA PREPARE. Have no XA transaction prepared when a pipeline begins.',
    retryable: false,
    severity: 'error',
  },

  LK1501: {
    title: 'DDL failed in the target',
    meaning: 'A schema change that the source made is refused by the target.',
    remedy:
      'The details hold statement and server error. Make the same change possible at the target (or make it by hand), then let the pipeline go on.',
    retryable: false,
    severity: 'error',
  },
  LK1502: {
    title: 'DDL not understood',
    meaning:
      'A statement must be rewritten for renamed schemas or tables, or judged by the table filter, but cannot be read with certainty.',
    remedy:
      'Make the change at the target by hand under the target names; then mark it as done as the details say. Please report the statement.',
    retryable: false,
    severity: 'error',
  },
  LK1503: {
    title: 'DDL was interrupted, its outcome is unknown',
    meaning: 'A worker ended while a schema change ran, and the table looks neither like before nor like after it.',
    remedy:
      'Compare SHOW CREATE TABLE on both sides. Finish or undo the change by hand, then set the state of its row in lockkeeper.ddl to done or to absent as the details say.',
    retryable: false,
    severity: 'error',
  },

  LK1601: {
    title: 'first copy failed',
    meaning: 'A chunk of a table could not be read or written. Finished chunks stay; a new start goes on with the rest.',
    remedy: 'See the cause in the details; correct it and start again.',
    retryable: true,
    severity: 'error',
  },
  LK1602: {
    title: 'no consistent point for the first copy',
    meaning:
      'Position of the binlog and state of the tables could not be joined: locks were not granted in time, or the log has no position to start from.',
    remedy:
      'Look for long transactions and metadata locks at the source, and grant RELOAD (MySQL 8: also BACKUP_ADMIN) to the source account.',
    retryable: true,
    severity: 'error',
  },

  LK1701: {
    title: 'ZooKeeper unreachable',
    meaning: 'No server of the ensemble answers, or it has no quorum. Running leaders stop writing before their session ends.',
    remedy:
      'Check the ensemble (kubectl get zkensembles, or `printf srvr | nc HOST 2181`) and the network to it; workers go on by themselves when it is back.',
    retryable: true,
    severity: 'error',
  },
  LK1702: {
    title: 'ZooKeeper session expired',
    meaning:
      'The worker could not reach the ensemble for longer than its session timeout. It gave up its pipelines; another worker leads them.',
    remedy:
      'If it happens often, look for pauses of the worker (CPU limits, memory) or a poor network; raise the session timeout, which also makes takeovers slower.',
    retryable: true,
    severity: 'error',
  },
  LK1703: {
    title: 'configuration in ZooKeeper is invalid',
    meaning:
      'The znode with a pipeline’s configuration does not hold what this release understands. The configuration that ran before goes on.',
    remedy: 'Run operator and workers in the same release; the operator writes the node anew. Do not edit it by hand.',
    retryable: false,
    severity: 'error',
  },
  LK1704: {
    title: 'worker id taken',
    meaning: 'Another live process is registered under this worker’s id in the same instance.',
    remedy:
      'Give each process an id of its own, or stop the other one; after a crash the old registration goes with its session, within seconds.',
    retryable: true,
    severity: 'error',
  },
  LK1705: {
    title: 'ZooKeeper refused a request',
    meaning:
      'A znode was missing, there already, changed by somebody else or protected by an access list, where Lockkeeper expected otherwise.',
    remedy:
      'Look at the path given with zkCli.sh. Do not edit what lies under /lockkeeper by hand, and do not let two installations share one namespace and instance in one ensemble.',
    retryable: true,
    severity: 'error',
  },
  LK1801: {
    title: 'no access to the Kubernetes API',
    meaning: 'The operator found no credentials for a Kubernetes API server, or cannot read them. It does not start.',
    remedy:
      'In a cluster leave automountServiceAccountToken of the operator’s pod on, as the chart does. Elsewhere point KUBECONFIG at a kubeconfig whose current context works with kubectl.',
    retryable: true,
    severity: 'error',
  },
  LK1802: {
    title: 'the ensemble’s configuration cannot be read',
    meaning:
      'The znode /zookeeper/config of a ZkEnsemble holds a line that Lockkeeper never writes, such as a server with several addresses, a group or a weight. Nothing is changed in the ensemble, which goes on as it is.',
    remedy: 'Bring the server named back to one address with ZooKeeper’s own reconfig command, without groups and weights.',
    retryable: true,
    severity: 'error',
  },
} as const satisfies Record<`LK1${number}`, CatalogEntry>;

export type ErrorCode = keyof typeof errorCatalog;

export const errorCodes = Object.keys(errorCatalog) as readonly ErrorCode[];

/** The page and anchor that explain a code, relative to the repository. */
export function docsAnchor(code: ErrorCode): string {
  return `docs/errors.md#${code.toLowerCase()}`;
}
