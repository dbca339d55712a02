import { z } from 'zod';
import type { Finding } from '../common/finding.ts';

const findingSchema = z.object({
  severity: z.enum(['error', 'warning']),
  /** A code of docs/errors.md. */
  code: z.string().nullable(),
  subject: z.string(),
  found: z.string(),
  remedy: z.string(),
});

/** What a preflight found, as it stands in ZooKeeper: errors first, then warnings; what is well is only counted. */
export const preflightReportSchema = z.object({
  /** When it was looked at, ISO 8601. */
  at: z.string(),
  /** Checks that found all well. */
  passed: z.int(),
  findings: z.array(findingSchema).readonly(),
  /** Findings that are not listed, since there are so many. */
  leftOut: z.int(),
});

export type PreflightReport = z.output<typeof preflightReportSchema>;

/** A znode holds a megabyte, and nobody reads more than this. */
const MAX_FINDINGS = 100;
const MAX_TEXT = 1000;

export function preflightReport(findings: readonly Finding[], at: string): PreflightReport {
  const wanting = (['error', 'warning'] as const).flatMap((severity) =>
    findings.filter((finding) => finding.severity === severity).map((finding) => ({ ...finding, severity })),
  );
  return {
    at,
    passed: findings.length - wanting.length,
    findings: wanting.slice(0, MAX_FINDINGS).map((finding) => ({ ...finding, found: shortened(finding.found) })),
    leftOut: Math.max(0, wanting.length - MAX_FINDINGS),
  };
}

function shortened(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)}…`;
}
