import { LockkeeperError } from '../../common/errors.ts';
import { quote } from '../target/session.ts';
import type { OpaqueForms } from '../target/sql/json-literal.ts';
import { SqlBuffer } from '../target/sql/sql-buffer.ts';

/**
 * MySQL's JSON values can hold DECIMAL, dates, times and bytes, which their text does not tell from numbers and strings. Rows with
 * such values are found in the source and built in the target from typed parts.
 */

/** What JSON text always expresses, by JSON_TYPE. */
const PLAIN = "'NULL','DOUBLE','STRING','OBJECT','ARRAY','BOOLEAN'";
/** Whole numbers from here on MySQL reads as unsigned, smaller ones as signed; those that are otherwise cannot be made of text. */
const UNSIGNED_FROM = 2 ** 32;

/**
 * Condition: the JSON expression holds a value that its text cannot express. Counted, not EXISTS: MySQL 9.7 turns EXISTS over
 * JSON_TABLE into a join that finds nothing.
 */
export function holdsTypedValues(column: string): string {
  const typed = (value: string) =>
    `(JSON_TYPE(${value}) NOT IN (${PLAIN},'INTEGER','UNSIGNED INTEGER') OR ` +
    `JSON_TYPE(${value})=IF(${value}<${UNSIGNED_FROM},'UNSIGNED INTEGER','INTEGER'))`;
  const inside = (path: string) =>
    `(SELECT COUNT(*) FROM JSON_TABLE(${column}, _utf8mb4'${path}' COLUMNS (v JSON PATH _utf8mb4'$')) AS members WHERE ${typed('v')})>0`;
  return `(${typed(column)} OR ${inside('$**.*')} OR ${inside('$**[*]')})`;
}

/** A JSON text, cut into its parts; `from` and `to` bound the part in the text. */
type JsonNode = { readonly from: number; readonly to: number } & (
  | { readonly kind: 'scalar' }
  | { readonly kind: 'array'; readonly items: readonly JsonNode[] }
  | { readonly kind: 'object'; readonly members: readonly (readonly [key: string, value: JsonNode])[] }
);

/** Cuts JSON text as MySQL prints it. */
function parseJson(text: string): JsonNode {
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

/** Parts of a value with their paths, as JSON_EXTRACT takes them. */
function childrenOf(node: JsonNode, path: string): [child: JsonNode, path: string][] {
  switch (node.kind) {
    case 'scalar':
      return [];
    case 'array':
      return node.items.map((item, index) => [item, `${path}[${index}]`]);
    case 'object':
      return node.members.map(([key, value]) => [value, `${path}.${JSON.stringify(key)}`]);
    default:
      return node satisfies never;
  }
}

function scalarsOf(node: JsonNode, path: string): [scalar: JsonNode, path: string][] {
  return node.kind === 'scalar' ? [[node, path]] : childrenOf(node, path).flatMap(([child, at]) => scalarsOf(child, at));
}

/** Paths of all scalars of a JSON text. */
export function scalarPaths(text: string): string[] {
  return scalarsOf(parseJson(text), '$').map(([, path]) => path);
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
  const textOf = (node: JsonNode) => text.slice(node.from, node.to);
  const plain = ([scalar, path]: [JsonNode, string]) => isPlain(typeOf(path).split(':')[0]!, textOf(scalar));
  const build = (node: JsonNode, path: string): string => {
    if (scalarsOf(node, path).every(plain)) return `CAST(${utf8Literal(textOf(node))} AS JSON)`;
    if (node.kind === 'scalar') return typedScalar(textOf(node), typeOf(path), opaque);
    const parts = childrenOf(node, path).map(([child, at]) => build(child, at));
    if (node.kind === 'array') return `JSON_ARRAY(${parts.join(',')})`;
    return `JSON_OBJECT(${node.members.map(([key], index) => `${utf8Literal(key)},${parts[index]!}`).join(',')})`;
  };
  const root = parseJson(text);
  // A scalar by itself is no JSON to an INSERT; within an array it keeps its type.
  return root.kind === 'scalar' ? `JSON_EXTRACT(JSON_ARRAY(${build(root, '$')}),_utf8mb4'$[0]')` : build(root, '$');
}

function isPlain(type: string, json: string): boolean {
  if (type === 'INTEGER') return Number(json) < UNSIGNED_FROM;
  if (type === 'UNSIGNED INTEGER') return Number(json) >= UNSIGNED_FROM;
  return PLAIN.includes(`'${type}'`);
}

function typedScalar(json: string, typeAndSize: string, opaque: OpaqueForms): string {
  const [type = '', size] = typeAndSize.split(':');
  if (type === 'INTEGER') return `CAST(${json} AS SIGNED)`;
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
  // Where both take the same room a column is the likelier origin, unless its whole groups would be more digits than DECIMAL has.
  const groups = 9 * Math.ceil(whole.length / 9) + fraction.length;
  if (size === literalSize && (size !== columnSize || groups > 65)) return fraction === '' ? `${json}.` : json;
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
