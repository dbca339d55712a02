import { LockkeeperError } from '../../common/errors.ts';
import { quote } from '../target/session.ts';

/**
 * MySQL's JSON values can hold DECIMAL, dates, times and bytes, which their text does not tell from numbers and strings. Rows with
 * such values are found in the source and built in the target from typed parts.
 */

/** What JSON text can express, by JSON_TYPE. */
const PLAIN = "'NULL','INTEGER','UNSIGNED INTEGER','DOUBLE','STRING','OBJECT','ARRAY','BOOLEAN'";

/**
 * Condition: the JSON expression holds a value that its text cannot express. Counted, not EXISTS: MySQL 9.7 turns EXISTS over
 * JSON_TABLE into a join that finds nothing.
 */
export function holdsTypedValues(column: string): string {
  const inside = (path: string) =>
    `(SELECT COUNT(*) FROM JSON_TABLE(${column}, '${path}' COLUMNS (v JSON PATH '$')) AS members WHERE JSON_TYPE(v) NOT IN (${PLAIN}))>0`;
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

/** Expression whose text names the type of each scalar, `-` where a row has none there. */
export function typesExpression(column: string, paths: readonly string[]): string {
  const types = paths.map((path) => `IFNULL(JSON_TYPE(JSON_EXTRACT(${column},${utf8Literal(path)})),'-')`);
  return `CONCAT_WS(',',${types.join(',')})`;
}

/** Expression that makes exactly this JSON value; `typeOf` tells the JSON_TYPE of a scalar. */
export function buildJson(text: string, typeOf: (path: string) => string): string {
  const plain = (node: JsonNode) => `CAST(${utf8Literal(text.slice(node.from, node.to))} AS JSON)`;
  const build = (node: JsonNode, path: string): string => {
    const paths = scalarPaths(node, path);
    if (paths.every((scalar) => isPlain(typeOf(scalar)))) return plain(node);
    switch (node.kind) {
      case 'scalar':
        return typedScalar(text.slice(node.from, node.to), typeOf(path));
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
  return root.kind === 'scalar' ? `JSON_EXTRACT(JSON_ARRAY(${build(root, '$')}),'$[0]')` : build(root, '$');
}

function isPlain(type: string): boolean {
  return PLAIN.includes(`'${type}'`);
}

/** Columns that give JSON a value of a binary field type, by the type's number in the protocol. */
const BYTES_COLUMNS: Readonly<Record<string, (length: number) => string>> = {
  '15': (length) => `VARBINARY(${Math.max(1, length)})`,
  '249': () => 'TINYBLOB',
  '250': () => 'MEDIUMBLOB',
  '251': () => 'LONGBLOB',
  '252': () => 'BLOB',
  '254': (length) => `BINARY(${Math.max(1, length)})`,
};
const BIT = '16';

function typedScalar(json: string, type: string): string {
  if (type === 'DECIMAL') return `CAST('${json}' AS DECIMAL(65,${json.split('.')[1]?.length ?? 0}))`;
  const text = JSON.parse(json) as string;
  switch (type) {
    case 'DATE':
      return `CAST('${text}' AS DATE)`;
    case 'TIME':
      return `CAST('${text}' AS TIME(6))`;
    case 'DATETIME':
      return `CAST('${text}' AS DATETIME(6))`;
    case 'TIMESTAMP':
      return throughColumn('TIMESTAMP(6)', `_utf8mb4'${text}'`);
    default: {
      const [, code = '', base64 = ''] = /^base64:type(\d+):(.*)$/s.exec(text) ?? [];
      const hex = Buffer.from(base64, 'base64').toString('hex');
      if (code === BIT) return throughColumn(`BIT(${4 * hex.length})`, BigInt(`0x${hex}`).toString());
      const column = BYTES_COLUMNS[code];
      if (column !== undefined) return throughColumn(column(hex.length / 2), `x'${hex}'`);
      throw new LockkeeperError('LK1406', `a JSON document holds a value of type ${type} that cannot be rebuilt`, {
        found: json.slice(0, 200),
      });
    }
  }
}

/** No constant has these types, but a column of JSON_TABLE does. */
function throughColumn(type: string, literal: string): string {
  return `(SELECT a FROM JSON_TABLE(JSON_ARRAY(${literal}),'$[*]' COLUMNS (a ${type} PATH '$')) AS t)`;
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
