import type { RowDataPacket } from 'mysql2';
import { asLockkeeperError, LockkeeperError } from '../../common/errors.ts';
import { fault, fine, probe, warning, type Finding } from '../../common/finding.ts';
import { grantedForSchema } from '../../common/mysql-grants.ts';
import { connectionOptions, nameOf, type MysqlEndpoint } from '../../common/mysql-endpoint.ts';
import { accessError, serverErrno } from '../../common/mysql-errors.ts';
import { readCheckpoint } from './checkpoint.ts';
import { lacking, readGrants } from './preflight-grants.ts';
import { TargetSession } from './session.ts';
import { versionFault } from './supported-version.ts';

/** What a pipeline asks of its target. */
export interface TargetNeeds {
  /** `<namespace>/<name>`. */
  readonly pipeline: string;
  readonly mode: 'Auto' | 'Raw' | 'Sql';
  /** Copies tables with LOAD DATA LOCAL before it follows the binlog. */
  readonly firstCopy: boolean;
  /** max_allowed_packet of the source, null when it is not known. */
  readonly sourcePacket: number | null;
}

/** Everything that is right and wrong with a target server, at once; changes nothing and never rejects. */
export async function checkTarget(endpoint: MysqlEndpoint, needs: TargetNeeds): Promise<Finding[]> {
  const server = `target ${nameOf(endpoint)}`;
  let session: TargetSession;
  try {
    session = await TargetSession.open(connectionOptions(endpoint));
  } catch (error) {
    return [accessFault(server, accessError('target', nameOf(endpoint), error) ?? asLockkeeperError(error, 'LK1302'))];
  }
  try {
    const variables = await readVariables(session);
    return [
      fine(`${server}: login`, `as ${endpoint.user}`),
      versionFinding(server, session),
      ...(await probe(`${server}: writable`, () => writableFindings(server, session, variables))),
      ...packetFindings(server, session, needs),
      ...(needs.firstCopy ? [localInfileFinding(server, variables)] : []),
      ...(await probe(`${server}: BINLOG`, () => rawFindings(server, session, needs))),
      ...(await probe(`${server}: checkpoint of ${needs.pipeline}`, () => checkpointFindings(server, session, needs))),
    ];
  } catch (error) {
    return [accessFault(server, asLockkeeperError(error, 'LK1302'))];
  } finally {
    session.destroy();
  }
}

function accessFault(server: string, error: LockkeeperError): Finding {
  return fault(error.code, `${server}: login`, error.found ?? error.message, error.remedy);
}

type Variables = ReadonlyMap<string, string>;

async function readVariables(session: TargetSession): Promise<Variables> {
  const rows = await session.query<RowDataPacket[]>('SHOW GLOBAL VARIABLES');
  return new Map(rows.map((row) => [String(row['Variable_name']), String(row['Value'])]));
}

function versionFinding(server: string, { flavor, version }: TargetSession): Finding {
  const subject = `${server}: version`;
  const code = versionFault(flavor, version);
  return code === null ? fine(subject, version) : fault(code, subject, version);
}

const READ_ONLY = new Set([1290, 1836, 1792, 3100]);
const NOT_ALLOWED = new Set([1044, 1142, 1227]);

/** Tries to write without leaving anything: whether read-only applies depends on privileges, so a look at the variable is not enough. */
async function writableFindings(server: string, session: TargetSession, variables: Variables): Promise<Finding[]> {
  const subject = `${server}: writable`;
  if (variables.get('super_read_only') === 'ON') return [fault('LK1304', subject, 'super_read_only is ON')];
  try {
    await session.query("UPDATE lockkeeper.checkpoint SET leader=leader WHERE pipeline=''");
    await session.rollback();
    return [fine(subject, 'yes')];
  } catch (error) {
    const errno = serverErrno(error);
    if (errno !== undefined && READ_ONLY.has(errno))
      return [fault('LK1304', subject, `read_only is ${variables.get('read_only')}`)];
    if (errno === 1146 || errno === 1049) return schemaFindings(server, session, variables);
    if (errno !== undefined && NOT_ALLOWED.has(errno))
      return [fault('LK1303', `${server}: schema lockkeeper`, (error as Error).message)];
    throw error;
  }
}

/** The schema lockkeeper is not there yet: may this account make it? */
async function schemaFindings(server: string, session: TargetSession, variables: Variables): Promise<Finding[]> {
  const subject = `${server}: schema lockkeeper`;
  const grants = await readGrants(session);
  const missing = lacking(grants, 'lockkeeper', ['CREATE', 'INSERT', 'UPDATE', 'DELETE', 'SELECT']);
  if (missing.length > 0)
    return [fault('LK1303', subject, `not there, and the account has no ${missing.join(', ')} to make and use it`)];
  const unlimited = WRITES_ALWAYS.some((privilege) => grantedForSchema(grants, 'lockkeeper', privilege));
  if (variables.get('read_only') === 'ON' && !unlimited) return [fault('LK1304', `${server}: writable`, 'read_only is ON')];
  return [fine(subject, 'not there yet; it is made at the first start')];
}

/** Privileges that read_only does not hold back. */
const WRITES_ALWAYS = ['SUPER', 'CONNECTION_ADMIN', 'READ_ONLY ADMIN', 'READ ONLY ADMIN'];

function packetFindings(server: string, session: TargetSession, needs: TargetNeeds): Finding[] {
  const subject = `${server}: max_allowed_packet`;
  const found = `${session.maxAllowedPacket} bytes`;
  if (needs.sourcePacket === null || session.maxAllowedPacket >= needs.sourcePacket) return [fine(subject, found)];
  return [
    warning(
      'LK1306',
      subject,
      `${found}, less than the source's ${needs.sourcePacket}: a row near the source's limit would stop the pipeline`,
    ),
  ];
}

function localInfileFinding(server: string, variables: Variables): Finding {
  const subject = `${server}: local_infile`;
  return variables.get('local_infile') === 'ON'
    ? fine(subject, 'ON')
    : fault('LK1313', subject, variables.get('local_infile') ?? 'unknown');
}

async function rawFindings(server: string, session: TargetSession, needs: TargetNeeds): Promise<Finding[]> {
  if (needs.mode === 'Sql') return [];
  const grant = session.flavor === 'mysql' ? 'BINLOG_ADMIN or REPLICATION_APPLIER' : 'BINLOG REPLAY';
  const subject = `${server}: grant ${grant}`;
  try {
    await session.query("BINLOG ''");
  } catch (error) {
    if (serverErrno(error) === 1227) {
      return needs.mode === 'Raw'
        ? [fault('LK1303', subject, 'not granted, and apply.mode is Raw')]
        : [
            warning(
              'LK1303',
              subject,
              'not granted: rows are written as SQL statements, which is slower',
              `GRANT ${grant} ON *.* to the account.`,
            ),
          ];
    }
  }
  return [fine(subject, 'granted')];
}

async function checkpointFindings(server: string, session: TargetSession, needs: TargetNeeds): Promise<Finding[]> {
  const subject = `${server}: checkpoint of ${needs.pipeline}`;
  try {
    const stored = await readCheckpoint(session, needs.pipeline);
    if (stored?.position == null) return [fine(subject, 'none: the pipeline is new here')];
    const { position } = stored;
    return [
      fine(
        subject,
        `${position.journal}:${position.offset}${position.gtid === null ? '' : `, GTIDs ${position.gtid.slice(0, 100)}`}`,
      ),
    ];
  } catch (error) {
    const errno = serverErrno(error);
    if (errno === 1146 || errno === 1049) return [fine(subject, 'none: the pipeline is new here')];
    if (error instanceof LockkeeperError) return [fault(error.code, subject, error.found ?? error.message, error.remedy)];
    throw error;
  }
}
