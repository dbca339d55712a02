import { LockkeeperError } from '../../common/errors.ts';
import { quote } from '../target/session.ts';
import type { OpaqueForms } from '../target/sql/json-literal.ts';
import { SqlBuffer } from '../target/sql/sql-buffer.ts';

/**
 * MySQL's JSON values can hold DECIMAL, dates, times and bytes, which their text does not tell from numbers and strings. Rows with
 * such values are found in the source and built in the target from typed parts.
 */

/** What JSON text can express, by JSON_TYPE. An unsigned number can be made of text only where it is too large for a signed one. */
const PLAIN = "'NULL','INTEGER','DOUBLE','STRING','OBJECT','ARRAY','BOOLEAN'";

/**
 * Condition: the JSON expression holds a value that its text cannot express. Counted, not EXISTS: MySQL 9.7 turns EXISTS over
 * JSON_TABLE into a join that finds nothing.
 */
export function holdsTypedValues(column: string): string {
  const inside = (path: string) =>
    `(SELECT COUNT(*) FROM JSON_TABLE(${column}, _utf8mb4'${path}' COLUMNS (v JSON PATH _utf8mb4'$')) AS members WHERE JSON_TYPE(v) NOT IN (${PLAIN}))>0`;
  return `(JSON_TYPE(${column}) NOT IN (${PLAIN}) OR ${inside('$**.*')} OR ${inside('$**[*]')})`;
}

/** A JSON text, cut into its parts; `from` and `to` bound the part in the text. */
type JsonNode = { readonly from: number; readonly to: number } & (
  | { readonly kind: 'scalar' }
  | { readonly kind: 'array'; readonly items: readonly JsonNode[] }
  | { readonly kind: 'object'; readonly members: readonly (readonly [key: string, value: JsonNode])[] }
);

/** Cuts JSON text as MySQL prints it. */
export function parseJson(text: string): JsonNode {
  let at = 0;
  const space = () => {
    while (text[at] === ' ' || text[at] === '\n') at++;
  };
  const string = () => {
    const from = at++;
    while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
    at++;
    return text.slice(from, at);
  };
  const value = (): JsonNode => {
    space();
    const from = at;
    if (text[at] === '[') {
      const items: JsonNode[] = [];
      for (at++, space(); text[at] !== ']'; space()) {
        items.push(value());
        space();
        if (text[at] === ',') at++;
      }
      return { kind: 'array', items, from, to: ++at };
    }
    if (text[at] === '{') {
      const members: [string, JsonNode][] = [];
      for (at++, space(); text[at] !== '}'; space()) {
        const key = JSON.parse(string()) as string;
        space();
        at++;
        members.push([key, value()]);
        space();
        if (text[at] === ',') at++;
      }
      return { kind: 'object', members, from, to: ++at };
    }
    if (text[at] === '"') string();
    else while (at < text.length && !/[\s,\]}]/.test(text[at]!)) at++;
    return { kind: 'scalar', from, to: at };
  };
  return value();
}

/** Paths of all scalars, as JSON_EXTRACT takes them. */
export function scalarPaths(node: JsonNode, path = '$'): string[] {
  switch (node.kind) {
    case 'scalar':
      return [path];
    case 'array':
      return node.items.flatMap((item, index) => scalarPaths(item, `${path}[${index}]`));
    case 'object':
      return node.members.flatMap(([key, value]) => scalarPaths(value, `${path}.${JSON.stringify(key)}`));
    default:
      return node satisfies never;
  }
}

/** Expression whose text names the type and stored size of each scalar, `-` where a row has none there. */
export function typesExpression(column: string, paths: readonly string[]): string {
  const types = paths.map((path) => {
    const scalar = `JSON_EXTRACT(${column},${utf8Literal(path)})`;
    return `IFNULL(CONCAT(JSON_TYPE(${scalar}),':',JSON_STORAGE_SIZE(${scalar})),'-')`;
  });
  return `CONCAT_WS(',',${types.join(',')})`;
}

/** Expression that makes exactly this JSON value; `typeOf` tells what typesExpression says of a scalar, `opaque` how the target makes bytes. */
export function buildJson(text: string, typeOf: (path: string) => string, opaque: OpaqueForms): string {
  const plain = (node: JsonNode) => `CAST(${utf8Literal(text.slice(node.from, node.to))} AS JSON)`;
  const build = (node: JsonNode, path: string): string => {
    const paths = scalarPaths(node, path);
    if (paths.every((scalar) => isPlain(typeOf(scalar).split(':')[0]!))) return plain(node);
    switch (node.kind) {
      case 'scalar':
        return typedScalar(text.slice(node.from, node.to), typeOf(path), opaque);
      case 'array':
        return `JSON_ARRAY(${node.items.map((item, index) => build(item, `${path}[${index}]`)).join(',')})`;
      case 'object': {
        const members = node.members.map(
          ([key, value]) => `${utf8Literal(key)},${build(value, `${path}.${JSON.stringify(key)}`)}`,
        );
        return `JSON_OBJECT(${members.join(',')})`;
      }
      default:
        return node satisfies never;
    }
  };
  const root = parseJson(text);
  // A scalar by itself is no JSON to an INSERT; within an array it keeps its type.
  return root.kind === 'scalar' ? `JSON_EXTRACT(JSON_ARRAY(${build(root, '$')}),_utf8mb4'$[0]')` : build(root, '$');
}

function isPlain(type: string): boolean {
  return PLAIN.includes(`'${type}'`);
}

function typedScalar(json: string, typeAndSize: string, opaque: OpaqueForms): string {
  const [type = '', size] = typeAndSize.split(':');
  if (isPlain(type)) return `CAST(${utf8Literal(json)} AS JSON)`;
  if (type === 'UNSIGNED INTEGER') return `CAST(${json} AS UNSIGNED)`;
  if (type === 'DECIMAL') return decimal(json, Number(size));
  const text = JSON.parse(json) as string;
  switch (type) {
    case 'DATE':
      return `CAST('${text}' AS DATE)`;
    case 'TIME':
      return `CAST('${text}' AS TIME(6))`;
    case 'DATETIME':
      return `CAST('${text}' AS DATETIME(6))`;
    case 'TIMESTAMP':
      // No constant has this type, but a column of JSON_TABLE does.
      return `(SELECT a FROM JSON_TABLE(JSON_ARRAY(_utf8mb4'${text}'),_utf8mb4'$[*]' COLUMNS (a TIMESTAMP(6) PATH _utf8mb4'$')) AS t)`;
    default: {
      const [, code = '', base64 = ''] = /^base64:type(\d+):(.*)$/s.exec(text) ?? [];
      const form = opaque.get(Number(code));
      if (form === undefined) {
        throw new LockkeeperError('LK1406', `a JSON document holds a value of type ${type} that no SQL can make`, {
          found: json.slice(0, 200),
        });
      }
      const bytes = Buffer.from(base64, 'base64');
      const out = new SqlBuffer(4 * bytes.length + 256);
      form(out, bytes, 0, bytes.length);
      return out.text();
    }
  }
}

/**
 * JSON keeps the precision of a DECIMAL: of a literal its own digits, of a value out of a column or CAST whole groups of nine before
 * the point. Only the stored size tells the two apart.
 */
function decimal(json: string, size: number): string {
  const [whole = '', fraction = ''] = json.replace('-', '').split('.');
  // Type of the document and of the field, length, precision, scale; then the digits.
  const literalSize = 5 + digitBytes(whole.length) + digitBytes(fraction.length);
  const columnSize = 5 + digitBytes(9 * Math.ceil(whole.length / 9)) + digitBytes(fraction.length);
  if (size === literalSize && size !== columnSize) return fraction === '' ? `${json}.` : json;
  return `CAST('${json}' AS DECIMAL(65,${fraction.length}))`;
}

/** Bytes of so many digits. Source: MySQL strings/decimal.cc, decimal_bin_size. */
function digitBytes(digits: number): number {
  return 4 * Math.floor(digits / 9) + Math.ceil((digits % 9) / 2);
}

function utf8Literal(text: string): string {
  return text === '' ? "_utf8mb4''" : `_utf8mb4 0x${Buffer.from(text, 'utf8').toString('hex')}`;
}

/** A value of LOAD DATA's text as a literal. */
export function bytesLiteral(value: Buffer | null): string {
  if (value === null) return 'NULL';
  return value.length < 64 && /^[ -&(-[\]-~]*$/.test(value.toString('latin1'))
    ? quote(value.toString('latin1'))
    : `0x${value.toString('hex')}`;
}
