import type { PipelineStatus } from '../pipeline/pipeline-status.ts';

export interface Rate {
  readonly rowsPerSecond: number;
}

/** Rows per second of each pipeline between two looks; `seconds` lie between them. */
export function ratesBetween(
  before: readonly PipelineStatus[],
  now: readonly PipelineStatus[],
  seconds: number,
): ReadonlyMap<string, Rate> {
  const then = new Map(before.map((status) => [keyOf(status), totalRows(status)]));
  return new Map(
    now.map((status) => {
      const rows = totalRows(status) - (then.get(keyOf(status)) ?? totalRows(status));
      return [keyOf(status), { rowsPerSecond: seconds > 0 ? Math.max(0, rows / seconds) : 0 }];
    }),
  );
}

/** A table for people: one line a pipeline, and below it what needs their attention. */
export function renderStatus(statuses: readonly PipelineStatus[], rates: ReadonlyMap<string, Rate>, width: number): string[] {
  const rows = statuses.map((status) => [
    keyOf(status),
    status.phase,
    formatLag(status.lag.applySeconds),
    formatCount(rates.get(keyOf(status))?.rowsPerSecond ?? 0),
    formatCount(totalRows(status)),
    status.currentSource ?? '-',
    formatPosition(status),
  ]);
  const lines = layOut(['PIPELINE', 'PHASE', 'LAG', 'ROWS/S', 'ROWS', 'SOURCE', 'POSITION'], rows);
  for (const status of statuses) lines.push(...notesOf(status));
  return lines.map((line) => (line.length > width ? `${line.slice(0, Math.max(0, width - 1))}…` : line));
}

function notesOf(status: PipelineStatus): string[] {
  const notes: string[] = [];
  const name = keyOf(status);
  const load = status.initialLoad;
  if (status.phase === 'copying' && load !== null) {
    const share = load.rowsTotalEstimate > 0 ? Math.min(1, load.rowsDone / load.rowsTotalEstimate) : 0;
    const eta = load.etaSeconds === null ? '' : `, about ${formatDuration(load.etaSeconds)} left`;
    notes.push(
      `  ${name}: first copy ${bar(share)} ${Math.round(share * 100)} %, table ${load.tablesDone}/${load.tablesTotal}, ` +
        `${formatCount(load.rowsPerSecond)} rows/s${eta}`,
    );
  }
  const { missingOnUpdate, missingOnDelete, existingOnInsert } = status.divergence;
  const divergent = missingOnUpdate + missingOnDelete + existingOnInsert;
  if (divergent > 0) notes.push(`  ${name}: ${formatCount(divergent)} rows differed at the target`);
  if (status.lastError !== null && status.phase !== 'running') {
    notes.push(`  ${name}: ${status.lastError.code} ${status.lastError.message}`, `    remedy: ${status.lastError.remedy}`);
  }
  return notes;
}

/** Columns as wide as their widest cell, two spaces apart. */
export function layOut(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  return [head, ...rows].map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd(),
  );
}

function keyOf(status: PipelineStatus): string {
  return `${status.namespace}/${status.name}`;
}

function totalRows({ rows }: PipelineStatus): number {
  return rows.inserted + rows.updated + rows.deleted;
}

function bar(share: number): string {
  const filled = Math.round(share * 20);
  return `[${'#'.repeat(filled)}${'.'.repeat(20 - filled)}]`;
}

/** 1234567 as `1.23M`. */
export function formatCount(value: number): string {
  if (value < 10_000) return String(Math.round(value));
  if (value < 1_000_000) return `${(value / 1000).toFixed(1)}k`;
  return `${(value / 1_000_000).toFixed(2)}M`;
}

export function formatLag(seconds: number | null): string {
  if (seconds === null) return '-';
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : formatDuration(seconds);
}

export function formatDuration(seconds: number): string {
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
}

function formatPosition({ position }: PipelineStatus): string {
  return position === null ? '-' : `${position.journal}:${position.offset}`;
}
