import type { RowDataPacket } from 'mysql2';
import type { SqlRunner } from '../session.ts';
import type { OpaqueForms } from './json-literal.ts';
import { writeBit } from './number-literals.ts';
import { SqlBuffer } from './sql-buffer.ts';

type Form = (out: SqlBuffer, image: Buffer, start: number, end: number) => void;

function hexIn(before: string, after: string): Form {
  return (out, image, start, end) => {
    out.ascii(before);
    out.hex(image, start, end);
    out.ascii(after);
  };
}

/** Ways to make a binary value of a certain column type out of a constant. */
const FORMS: readonly Form[] = [
  hexIn('', ''),
  hexIn('CAST(', ' AS BINARY)'),
  hexIn('IF(TRUE,', ",CAST('' AS BINARY(70000)))"),
  hexIn('IF(TRUE,', ",UNCOMPRESS(X''))"),
  hexIn('(SELECT a FROM JSON_TABLE(JSON_ARRAY(', "),_utf8mb4'$[*]' COLUMNS(a BLOB PATH _utf8mb4'$')) t)"),
  hexIn('(SELECT a FROM JSON_TABLE(JSON_ARRAY(', "),_utf8mb4'$[*]' COLUMNS(a MEDIUMBLOB PATH _utf8mb4'$')) t)"),
  hexIn('(SELECT a FROM JSON_TABLE(JSON_ARRAY(', "),_utf8mb4'$[*]' COLUMNS(a TINYBLOB PATH _utf8mb4'$')) t)"),
  (out, image, start, end) => {
    // BINARY(n) pads to n, so n is the value's length. It is at most 255, as in any column.
    hexIn(
      '(SELECT a FROM JSON_TABLE(JSON_ARRAY(',
      `),_utf8mb4'$[*]' COLUMNS(a BINARY(${Math.max(1, end - start)}) PATH _utf8mb4'$')) t)`,
    )(out, image, start, end);
  },
  (out, image, start, end) => {
    out.ascii('(SELECT a FROM JSON_TABLE(JSON_ARRAY(');
    writeBit(out, image, start, end);
    out.ascii(`),_utf8mb4'$[*]' COLUMNS(a BIT(${8 * (end - start)}) PATH _utf8mb4'$')) t)`);
  },
];

const PROBE = Buffer.from([0x41]);

/**
 * Which SQL makes a JSON scalar of which opaque type in this server: versions disagree about the type of a hex literal, so
 * the server is asked. MySQL only.
 */
export async function probeOpaque(session: SqlRunner): Promise<OpaqueForms> {
  const out = new SqlBuffer(4096);
  out.ascii('SELECT ');
  FORMS.forEach((form, i) => {
    if (i > 0) out.byte(0x2c);
    out.ascii('CAST(JSON_ARRAY(');
    form(out, PROBE, 0, PROBE.length);
    out.ascii(`) AS CHAR) AS f${i}`);
  });
  const rows = await session.query<RowDataPacket[]>(out.text());
  const forms = new Map<number, Form>();
  FORMS.forEach((form, i) => {
    const type = /^\["base64:type(\d+):/.exec(String(rows[0]?.[`f${i}`]))?.[1];
    if (type !== undefined && !forms.has(Number(type))) forms.set(Number(type), form);
  });
  return forms;
}
