import { fault, fine, probe, warning, type Finding } from '../../common/finding.ts';
import { asLockkeeperError, messageOf, type LockkeeperError } from '../../common/errors.ts';
import { nameOf, type MysqlEndpoint } from '../../common/mysql-endpoint.ts';
import { SourceSession, type Row } from './endpoint.ts';
import { grantFindings } from './preflight-grants.ts';
import type { Flavor } from './position.ts';
import { shownName } from './register-replica.ts';
import { serverMicros } from './current-position.ts';
import { expireSeconds } from './binlog-retention.ts';

/** What a pipeline asks of its source. */
export interface SourceNeeds {
  /** Id under which the pipeline will register as a replica. */
  readonly serverId: number;
  /** Starts by GTID, or fails over between servers by GTID. */
  readonly gtid: boolean;
  /** Under which our own workers are known at the source. */
  readonly replicaNames?: readonly string[];
  /** Copies tables before it follows the binlog. */
  readonly firstCopy: boolean;
  /** Milliseconds since 1970, for the comparison of clocks. */
  readonly now: number;
}

const MIN_RETENTION_SECONDS = 24 * 3600;
const MAX_SKEW_SECONDS = 5;

/** Everything that is right and wrong with a source, at once; never rejects. What cannot be looked at is a finding too. */
export async function checkSource(endpoint: MysqlEndpoint, needs: SourceNeeds): Promise<Finding[]> {
  const server = `source ${nameOf(endpoint)}`;
  let session: SourceSession;
  try {
    session = await SourceSession.open(endpoint);
  } catch (error) {
    return [accessFault(server, asLockkeeperError(error, 'LK1102'))];
  }
  try {
    const variables = await readVariables(session);
    const flavor: Flavor = /mariadb/i.test(variables.get('version') ?? '') ? 'mariadb' : 'mysql';
    return [
      fine(`${server}: login`, `as ${endpoint.user}`),
      ...(await probe(`${server}: TLS`, () => tlsFindings(session, server, endpoint, flavor))),
      ...versionFindings(server, flavor, variables),
      ...binlogFindings(server, flavor, variables),
      ...gtidFindings(server, flavor, variables, needs),
      ...retentionFindings(server, variables),
      ...(await probe(`${server}: grants`, () => grantFindings(session, server, flavor, needs))),
      ...(await probe(`${server}: server id ${needs.serverId}`, () =>
        serverIdFindings(session, server, flavor, variables, needs),
      )),
      ...(await probe(`${server}: clock`, () => clockFindings(session, server, needs))),
    ];
  } catch (error) {
    return [accessFault(server, asLockkeeperError(error, 'LK1102'))];
  } finally {
    session.close();
  }
}

function accessFault(server: string, error: LockkeeperError): Finding {
  return fault(error.code, `${server}: login`, error.found ?? error.message, error.remedy);
}

type Variables = ReadonlyMap<string, string>;

async function readVariables(session: SourceSession): Promise<Variables> {
  const rows = await session.query('SHOW GLOBAL VARIABLES');
  return new Map(rows.map((row) => [row['Variable_name'] ?? '', row['Value'] ?? '']));
}

async function tlsFindings(session: SourceSession, server: string, endpoint: MysqlEndpoint, flavor: Flavor): Promise<Finding[]> {
  const subject = `${server}: TLS`;
  const [row] = await session.query("SHOW SESSION STATUS LIKE 'Ssl_version'");
  const version = row?.['Value'] ?? '';
  if (endpoint.tls.mode !== 'Disabled') {
    if (version === '') return [fault('LK1111', subject, 'the session is not encrypted')];
    if (endpoint.tls.ca === null && endpoint.tls.mode === 'Required') {
      return [
        warning(
          'LK1111',
          subject,
          `${version}, but nobody checks who the server is`,
          'Set tls.caSecretRef, or tls.mode VerifyIdentity.',
        ),
      ];
    }
    return [fine(subject, version)];
  }
  const password = flavor === 'mysql' ? ' (also the password, to whoever answers under this address)' : '';
  return [
    warning(
      'LK1111',
      subject,
      `off: rows travel in clear text${password}`,
      'Set tls.mode to Required or VerifyIdentity unless the network is private.',
    ),
  ];
}

function versionFindings(server: string, flavor: Flavor, variables: Variables): Finding[] {
  const subject = `${server}: version`;
  const version = variables.get('version') ?? '';
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  const number = major * 100 + minor;
  const supported = flavor === 'mysql' ? number >= 800 : number >= 1006;
  return [supported ? fine(subject, version) : fault('LK1107', subject, version)];
}

function binlogFindings(server: string, flavor: Flavor, variables: Variables): Finding[] {
  const value = (name: string) => variables.get(name) ?? '';
  if (value('log_bin') !== 'ON') return [fault('LK1104', `${server}: log_bin`, value('log_bin'))];
  const findings = [fine(`${server}: log_bin`, 'ON')];
  const format = value('binlog_format');
  const formatSubject = `${server}: binlog_format`;
  findings.push(format === 'ROW' ? fine(formatSubject, format) : fault('LK1105', formatSubject, format));
  const image = value('binlog_row_image');
  const imageSubject = `${server}: binlog_row_image`;
  // MariaDB's FULL_NODUP leaves out of the after image what the before image has.
  findings.push(image === 'FULL' ? fine(imageSubject, image) : fault('LK1106', imageSubject, image));
  const metadata = value('binlog_row_metadata');
  const metadataSubject = `${server}: binlog_row_metadata`;
  findings.push(
    metadata === 'FULL'
      ? fine(metadataSubject, metadata)
      : warning(
          'LK1308',
          metadataSubject,
          `${metadata}: the log names no columns, so they are told by their place; a table whose columns were renamed or moved on one side only is not noticed`,
          'SET GLOBAL binlog_row_metadata = FULL at the source, and put it in its configuration.',
        ),
  );
  const options = value('binlog_row_value_options');
  if (flavor === 'mysql') {
    const subject = `${server}: binlog_row_value_options`;
    findings.push(
      options === ''
        ? fine(subject, 'none')
        : warning(
            'LK1206',
            subject,
            `${options}: JSON changes are logged as differences, which only raw apply can replay`,
            "SET GLOBAL binlog_row_value_options = '' at the source unless spec.apply.mode is Raw.",
          ),
    );
  }
  return findings;
}

function gtidFindings(server: string, flavor: Flavor, variables: Variables, needs: SourceNeeds): Finding[] {
  if (flavor === 'mariadb') return [fine(`${server}: GTID`, 'always on')];
  const subject = `${server}: gtid_mode`;
  const mode = variables.get('gtid_mode') ?? '';
  if (mode === 'ON') return [fine(subject, mode)];
  if (needs.gtid) return [fault('LK1113', subject, mode)];
  const remedy =
    'Turn GTIDs on (gtid_mode = ON): without them a failover to the standby waits where its place in the log is not certain.';
  return [warning('LK1113', subject, `${mode}: positions are files of this one server`, remedy)];
}

function retentionFindings(server: string, variables: Variables): Finding[] {
  const seconds = expireSeconds(variables);
  const subject = `${server}: binlog retention`;
  if (seconds === null) return [fine(subject, 'binlogs are not deleted by age')];
  const found = `${seconds} s`;
  if (seconds >= MIN_RETENTION_SECONDS) return [fine(subject, found)];
  return [
    warning(
      'LK1109',
      subject,
      `${found}: a pipeline that stands still for longer loses its place`,
      'SET GLOBAL binlog_expire_logs_seconds to a day or more (604800 is a week).',
    ),
  ];
}

async function serverIdFindings(
  session: SourceSession,
  server: string,
  flavor: Flavor,
  variables: Variables,
  needs: SourceNeeds,
): Promise<Finding[]> {
  const subject = `${server}: server id ${needs.serverId}`;
  if (variables.get('server_id') === String(needs.serverId)) {
    return [fault('LK1108', subject, 'it is the source’s own server_id')];
  }
  let replicas: Row[];
  try {
    replicas = await session.query(flavor === 'mysql' ? 'SHOW REPLICAS' : 'SHOW SLAVE HOSTS');
  } catch (error) {
    return [warning('LK1108', subject, `whether it is free cannot be seen: ${messageOf(error)}`)];
  }
  const own = new Set<string | null>((needs.replicaNames ?? []).map(shownName));
  const clash = replicas.find(
    (row) => Number(row['Server_Id'] ?? row['Server_id']) === needs.serverId && !own.has(row['Host'] ?? null),
  );
  if (clash === undefined) return [fine(subject, 'not in use')];
  return [fault('LK1108', subject, `in use by the replica at ${clash['Host'] || 'an unknown host'}`)];
}

async function clockFindings(session: SourceSession, server: string, needs: SourceNeeds): Promise<Finding[]> {
  const seconds = Math.round(((await serverMicros(session)) / 1000 - needs.now) / 100) / 10;
  const subject = `${server}: clock`;
  const found = `${seconds} s ahead of this machine`;
  if (Math.abs(seconds) <= MAX_SKEW_SECONDS) return [fine(subject, found)];
  return [warning('LK1114', subject, `${found}: lag and spec.start.timestamp are off by as much`, 'Run NTP on both machines.')];
}
