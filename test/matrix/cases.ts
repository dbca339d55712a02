import type { Flavor } from '../servers/index.ts';

/** A column type with the values that are hard on it. */
export interface MatrixCase {
  /** Unique; part of table names. */
  readonly name: string;
  /** As in CREATE TABLE t (v <type>). */
  readonly type: string;
  /** SQL expressions, run with SET NAMES utf8mb4, UTC and a lenient sql_mode. NULL is always tried, and not among them. */
  readonly values: readonly string[];
  /** Flavours that have the type; both when left out. */
  readonly only?: Flavor;
  /** SQL to run before the table is made (and undone after it). */
  readonly before?: string;
  readonly after?: string;
  /** Values differ when they are written into the other flavour (a type that only one of them has). */
  readonly sameFlavorOnly?: boolean;
  /** The type may be a primary key, and this many of the first values are different as keys. */
  readonly keys?: number;
  /** Only these shapes of table; every one that is possible when left out. */
  readonly shapes?: readonly ('id' | 'keyless' | 'key')[];
}

/** The session in which the values are written at the source. */
export const matrixSession = "SET NAMES utf8mb4, sql_mode='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', time_zone='+00:00'";

const integerCases: MatrixCase[] = (
  [
    ['TINYINT', 8],
    ['SMALLINT', 16],
    ['MEDIUMINT', 24],
    ['INT', 32],
    ['BIGINT', 64],
  ] as const
).flatMap(([type, bits]) => {
  const top = 2n ** BigInt(bits - 1);
  const signed = [0n, 1n, -1n, top - 1n, -top, 10n, -10n, 99n, -100n];
  const unsigned = [0n, 1n, top - 1n, top, 2n * top - 1n, 9n, 100n];
  if (bits === 64) {
    const edges = [2n ** 53n, 2n ** 53n - 1n, 2n ** 53n + 1n, 10n ** 9n, 10n ** 9n - 1n, 10n ** 18n, 2n ** 32n, 2n ** 32n - 1n];
    signed.push(...edges, ...edges.map((edge) => -edge));
    unsigned.push(...edges, 10n ** 19n);
  }
  const name = type.toLowerCase();
  return [
    { name, type, values: signed.map(String), keys: signed.length },
    { name: `${name}_unsigned`, type: `${type} UNSIGNED`, values: unsigned.map(String), keys: unsigned.length },
    { name: `${name}_zerofill`, type: `${type} ZEROFILL`, values: ['0', '7', '100'], keys: 3 },
  ];
});

const floats = [
  '0e0',
  '-0e0',
  '1e0',
  '-1.5e0',
  '0.1e0',
  '1.1e0',
  '3.4028234663852886e38',
  '-3.4028234663852886e38',
  '1.1754943508222875e-38',
  '1.401298464324817e-45',
  '-1.401298464324817e-45',
  '16777217e0',
  '123456.789e0',
  '1e-5',
  '1e21',
  '3.14159265358979e0',
  '7.0e-42',
];
const doubles = [
  ...floats,
  '0.30000000000000004e0',
  '1.7976931348623157e308',
  '-1.7976931348623157e308',
  '2.2250738585072014e-308',
  '5e-324',
  '-5e-324',
  '9007199254740993e0',
  '1e15',
  '1e16',
  '1e22',
  '1e23',
  '123456789012345678e0',
  '4.35e0',
  '2.2250738585072011e-308',
];

const numberCases: MatrixCase[] = [
  ...integerCases,
  { name: 'bool', type: 'BOOLEAN', values: ['TRUE', 'FALSE', '5'] },
  { name: 'float', type: 'FLOAT', values: floats },
  { name: 'float_unsigned', type: 'FLOAT UNSIGNED', values: ['0e0', '0.1e0', '3.4e38'] },
  { name: 'float_7_2', type: 'FLOAT(7,2)', values: ['0e0', '1.1e0', '99999.99e0', '-12345.67e0', '0.01e0', '-0e0'] },
  { name: 'double', type: 'DOUBLE', values: doubles },
  { name: 'double_12_4', type: 'DOUBLE(12,4)', values: ['0e0', '0.1e0', '12345678.1234e0', '-0.0001e0'] },
  { name: 'decimal_10_0', type: 'DECIMAL(10,0)', values: ['0', '-1', '9999999999', '-9999999999', '1234567890'], keys: 5 },
  { name: 'decimal_10_2', type: 'DECIMAL(10,2)', values: ['0', '0.01', '-0.01', '99999999.99', '-99999999.99', '1.10'], keys: 6 },
  { name: 'decimal_unsigned', type: 'DECIMAL(8,3) UNSIGNED', values: ['0', '0.001', '99999.999'] },
  {
    name: 'decimal_65_30',
    type: 'DECIMAL(65,30)',
    values: [
      '0',
      '-0.000000000000000000000000000001',
      '0.000000000000000000000000000001',
      '99999999999999999999999999999999999.999999999999999999999999999999',
      '-99999999999999999999999999999999999.999999999999999999999999999999',
      '1000000000.000000001',
      '12345678901234567890.098765432109876543210987654321',
    ],
  },
  {
    name: 'decimal_65_0',
    type: 'DECIMAL(65,0)',
    values: ['0', '9'.repeat(65), `-${'9'.repeat(65)}`, '1' + '0'.repeat(64), '1000000000'],
  },
  { name: 'decimal_30_30', type: 'DECIMAL(30,30)', values: ['0', `0.${'9'.repeat(30)}`, `-0.${'0'.repeat(29)}1`] },
  { name: 'decimal_9_9', type: 'DECIMAL(9,9)', values: ['0', '0.999999999', '-0.000000001'] },
  { name: 'decimal_18_9', type: 'DECIMAL(18,9)', values: ['0', '999999999.999999999', '-1.5', '100000000.000000001'] },
  { name: 'decimal_1_0', type: 'DECIMAL(1,0)', values: ['0', '9', '-9'] },
  { name: 'decimal_19_10', type: 'DECIMAL(19,10)', values: ['-123456789.0123456789', '0.1'] },
  ...[1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 49, 53, 63, 64].map((bits) => ({
    name: `bit_${bits}`,
    type: `BIT(${bits})`,
    values: ['0', '1', String(2n ** BigInt(bits) - 1n), String(2n ** BigInt(bits - 1))],
    keys: bits === 1 ? 2 : 3,
  })),
  { name: 'year', type: 'YEAR', values: ['0', '1901', '1970', '2000', '2024', '2155'], keys: 6 },
];

const fractions = [0, 1, 2, 3, 4, 5, 6];
/** One value for each number of fraction digits that the column keeps. */
const fraction = (digits: number) => (digits === 0 ? '' : `.${'987654'.slice(0, digits)}`);
const smallest = (digits: number) => (digits === 0 ? '' : `.${'0'.repeat(digits - 1)}1`);
const nines = (digits: number) => (digits === 0 ? '' : `.${'9'.repeat(digits)}`);
const quoted = (values: readonly string[]) => values.map((value) => `'${value}'`);

const temporalCases: MatrixCase[] = [
  {
    name: 'date',
    type: 'DATE',
    values: quoted([
      '1000-01-01',
      '9999-12-31',
      '0000-00-00',
      '2024-00-00',
      '2024-05-00',
      '0000-01-01',
      '2024-02-29',
      '2024-02-31',
      '0001-01-01',
      '1970-01-01',
    ]),
    keys: 10,
  },
  ...fractions.map((digits) => ({
    name: `time_${digits}`,
    type: `TIME(${digits})`,
    values: quoted([
      '00:00:00',
      `00:00:00${smallest(digits)}`,
      `-00:00:01`,
      `-00:01:00`,
      '-01:00:00',
      `-00:00:01${fraction(digits)}`,
      `838:59:59`,
      '-838:59:59',
      `12:34:56${fraction(digits)}`,
      `-12:34:56${nines(digits)}`,
      `-100:00:00${smallest(digits)}`,
      `23:59:59${nines(digits)}`,
      ...(digits === 0 ? [] : [`-00:00:00${smallest(digits)}`]),
    ]),
  })),
  ...fractions.map((digits) => ({
    name: `datetime_${digits}`,
    type: `DATETIME(${digits})`,
    values: quoted([
      '0000-00-00 00:00:00',
      `1000-01-01 00:00:00${smallest(digits)}`,
      `9999-12-31 23:59:59${nines(digits)}`,
      `2024-02-29 12:34:56${fraction(digits)}`,
      '2024-00-00 00:00:00',
      '2024-11-00 10:20:30',
      '2024-02-31 23:00:00',
      '0000-01-01 00:00:01',
      '2023-03-26 02:30:00',
      '2000-12-31 16:00:00',
    ]),
    keys: 10,
  })),
  ...fractions.map((digits) => ({
    name: `timestamp_${digits}`,
    type: `TIMESTAMP(${digits}) NULL`,
    values: quoted([
      '0000-00-00 00:00:00',
      '1970-01-01 00:00:01',
      `2038-01-19 03:14:07${nines(digits)}`,
      `2024-02-29 23:59:59${fraction(digits)}`,
      `2000-03-01 00:00:00${smallest(digits)}`,
      '1999-12-31 23:59:59',
      '2023-10-29 01:30:00',
      '2001-09-09 01:46:40',
    ]),
    keys: 8,
  })),
  ...(['TIME', 'DATETIME', 'TIMESTAMP NULL'] as const).map((type) => ({
    name: `old_${type.split(' ')[0]!.toLowerCase()}_format`,
    type,
    values: quoted(
      type === 'TIME'
        ? ['-838:59:59', '-00:01:00', '00:00:00', '12:34:56']
        : ['0000-00-00 00:00:00', '2024-02-29 12:34:56', '2037-12-31 23:59:59'],
    ),
    only: 'mariadb' as const,
    before: 'SET GLOBAL mysql56_temporal_format=0',
    after: 'SET GLOBAL mysql56_temporal_format=1',
    sameFlavorOnly: true,
  })),
];

const setMembers = (count: number) => Array.from({ length: count }, (_, i) => `'m${i}'`).join();

const memberCases: MatrixCase[] = [
  {
    name: 'enum',
    type: "ENUM('a','b','','d,e','f''g','h\\\\i')",
    values: ["'a'", "'b'", "''", "'d,e'", "'f''g'", "'h\\\\i'", "'not a member'"],
  },
  { name: 'enum_not_null', type: "ENUM('x','y') NOT NULL", values: ["'x'", "'y'", "'no'"] },
  { name: 'enum_300', type: `ENUM(${setMembers(300)})`, values: ["'m0'", "'m255'", "'m256'", "'m299'", "'none'"] },
  { name: 'enum_latin1', type: "ENUM('ä','ö','ß') CHARACTER SET latin1", values: ["'ä'", "'ö'", "'ß'"] },
  { name: 'enum_utf8mb4', type: "ENUM('日本','😀','é') CHARACTER SET utf8mb4", values: ["'日本'", "'😀'", "'é'"], keys: 3 },
  ...[1, 7, 8, 9, 16, 17, 24, 25, 32, 33, 40, 63, 64].map((count) => ({
    name: `set_${count}`,
    type: `SET(${setMembers(count)})`,
    values: ["''", "'m0'", String(2n ** BigInt(count) - 1n), `'m${count - 1}'`],
    keys: count === 1 ? 2 : 3,
  })),
  { name: 'set_latin1', type: "SET('ä','b''c','') CHARACTER SET latin1", values: ["'ä'", "'ä,b''c'", "''", '7'] },
];

const bytes = "X'00',X'27',X'5C',X'5C27',X'275C00',X'0A0D1A09',X'FF00FE80',X'C3A4',X'F09F9880',X'20',X'2000',X'6100',X''".split(
  ',',
);
const allBytes = `X'${Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0')).join('')}'`;

const binaryCases: MatrixCase[] = [
  { name: 'binary_1', type: 'BINARY(1)', values: ["X'00'", "X'61'", "X'FF'", "X'27'", "X'5C'", "X'20'"], keys: 6 },
  { name: 'binary_4', type: 'BINARY(4)', values: [...bytes, "X'00000000'", "X'61006200'"] },
  { name: 'binary_255', type: 'BINARY(255)', values: [...bytes, `LEFT(${allBytes},255)`], keys: 8 },
  { name: 'varbinary', type: 'VARBINARY(300)', values: [...bytes, allBytes], keys: 13 },
  { name: 'tinyblob', type: 'TINYBLOB', values: [...bytes, `LEFT(${allBytes},255)`] },
  { name: 'blob', type: 'BLOB', values: [...bytes, allBytes, `REPEAT(${allBytes},255)`] },
  { name: 'mediumblob', type: 'MEDIUMBLOB', values: [...bytes, `REPEAT(${allBytes},1000)`] },
  { name: 'longblob', type: 'LONGBLOB', values: [...bytes, `REPEAT(X'275C',500000)`] },
  { name: 'varchar_0', type: 'VARCHAR(0) CHARACTER SET utf8mb4', values: ["''"] },
  { name: 'char_0', type: 'CHAR(0) CHARACTER SET utf8mb4', values: ["''"] },
];

const texts = [
  "''",
  "' '",
  "'a'",
  "'a  '",
  "'  a'",
  "'it''s'",
  "'back\\\\slash'",
  "'\\0\\n\\r\\t\\Z\\b'",
  '\'"quoted"\'',
  "'%_'",
  "'null'",
  "'NULL'",
  "'\\\\'",
  "''''",
];

const textCases: MatrixCase[] = [
  { name: 'char_utf8mb4', type: 'CHAR(20) CHARACTER SET utf8mb4', values: [...texts, "'ä日😀'", "'\u{10FFFF}'"] },
  {
    name: 'varchar_utf8mb4',
    type: 'VARCHAR(100) CHARACTER SET utf8mb4',
    values: [...texts, "'ä日😀'", "'e\u0301'", "'\u00e9'", "'\uFEFF'", "'\u200B'"],
  },
  {
    name: 'varchar_bin',
    type: 'VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin',
    values: ["'a'", "'A'", "'á'", "'a\\0'", "'😀'"],
    keys: 5,
  },
  { name: 'char_latin1', type: 'CHAR(30) CHARACTER SET latin1', values: [...texts, "'äöüß€'"] },
  { name: 'char_255_utf8mb4', type: 'CHAR(255) CHARACTER SET utf8mb4', values: ["REPEAT('😀',255)", "'x'"] },
  { name: 'varchar_256', type: 'VARCHAR(256) CHARACTER SET latin1', values: ["REPEAT('x',256)", "REPEAT('''',255)", "'y'"] },
  { name: 'varchar_16000', type: 'VARCHAR(16000) CHARACTER SET utf8mb4', values: ["REPEAT('ä''\\\\',5000)", "''"] },
  { name: 'tinytext', type: 'TINYTEXT CHARACTER SET utf8mb4', values: [...texts, "REPEAT('ä',127)"] },
  { name: 'text', type: 'TEXT CHARACTER SET utf8mb4', values: [...texts, "REPEAT('ä😀',10000)"] },
  { name: 'mediumtext', type: 'MEDIUMTEXT CHARACTER SET latin1', values: [...texts, "REPEAT('x',70000)"] },
  { name: 'longtext', type: 'LONGTEXT CHARACTER SET utf8mb4', values: [...texts, "REPEAT('日本',200000)"] },
];

/** MySQL's internal form: SRID, then WKB. */
const geometryCases: MatrixCase[] = [
  {
    name: 'geometry',
    type: 'GEOMETRY',
    values: [
      'POINT(1,2)',
      'POINT(-0e0,1e308)',
      "ST_GeomFromText('POINT(1 2)',0)",
      "ST_GeomFromText('LINESTRING(0 0,1 1,2 0)')",
      "ST_GeomFromText('POLYGON((0 0,10 0,10 10,0 10,0 0),(1 1,2 1,2 2,1 2,1 1))')",
      "ST_GeomFromText('MULTIPOINT(1 1,2 2)')",
      "ST_GeomFromText('MULTILINESTRING((0 0,1 1),(2 2,3 3))')",
      "ST_GeomFromText('MULTIPOLYGON(((0 0,1 0,1 1,0 0)))')",
      "ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))')",
      "ST_GeomFromText('GEOMETRYCOLLECTION EMPTY')",
    ],
  },
  { name: 'point', type: 'POINT', values: ['POINT(1.5,-2.5)', 'POINT(0,0)'] },
  {
    name: 'geometry_srid',
    type: 'GEOMETRY',
    values: ["ST_GeomFromText('POINT(10 20)',4326)", "ST_GeomFromText('POINT(1 2)',3857)"],
    only: 'mysql',
  },
  {
    name: 'point_4326',
    type: 'POINT SRID 4326',
    values: ["ST_GeomFromText('POINT(48.2 16.4)',4326)"],
    only: 'mysql',
    sameFlavorOnly: true,
  },
  { name: 'geometry_srid_mariadb', type: 'GEOMETRY', values: ["ST_GeomFromText('POINT(10 20)',4326)"], only: 'mariadb' },
  { name: 'linestring', type: 'LINESTRING', values: ["ST_GeomFromText('LINESTRING(0 0,1e-5 1e20)')"] },
];

/** JSON of MySQL, whose binary form knows more types than its text. */
const jsonCases: MatrixCase[] = [
  {
    name: 'json_text',
    type: 'JSON',
    only: 'mysql',
    values: [
      "'null'",
      "'true'",
      "'false'",
      "'0'",
      "'-1'",
      "'32767'",
      "'32768'",
      "'-32769'",
      "'2147483648'",
      "'4294967295'",
      "'4294967296'",
      "'9223372036854775807'",
      "'9223372036854775808'",
      "'18446744073709551615'",
      "'-9223372036854775808'",
      "'1.0'",
      "'-0.0'",
      "'1e100'",
      "'0.1'",
      "'12.34'",
      "'1e-7'",
      "'1.7976931348623157e308'",
      "'5e-324'",
      "'0.30000000000000004'",
      "'123456789.123456789'",
      '\'""\'',
      "'[]'",
      "'{}'",
      '\'[1,[2,[3,{"a":[]}]]]\'',
      '\'{"b":1,"a":2,"aa":3,"":4}\'',
      '\'{"__proto__":1,"constructor":2}\'',
      '\'"it\\\'s \\\\"x\\\\" \\\\\\\\ \\\\n\\\\t\\\\u0000\\\\u001f \\u007f"\'',
      '\'{"ключ":"значение","😀":"\\\\ud83d\\\\ude00"}\'',
      '\'["a\\\'b","c\\\\\\\\d"]\'',
      `CONCAT('[', REPEAT('[', 90), REPEAT(']', 90), ']')`,
      "JSON_ARRAY(REPEAT('x',70000),1)",
      "JSON_OBJECT('k', REPEAT('ä', 40000), 'n', 70000, 's', 5)",
    ],
  },
  {
    name: 'json_typed',
    type: 'JSON',
    only: 'mysql',
    values: [
      'CAST(1 AS JSON)',
      'CAST(CAST(1 AS UNSIGNED) AS JSON)',
      'JSON_ARRAY(CAST(1 AS UNSIGNED), CAST(70000 AS UNSIGNED), CAST(5000000000 AS UNSIGNED))',
      'JSON_ARRAY(5000000000, -5000000000)',
      'JSON_ARRAY(1e0, -0e0, 1.5e0, 0.1e0+0.2e0, 1e300)',
      'CAST(1e0 AS JSON)',
      'CAST(1.10 AS JSON)',
      "JSON_OBJECT('d', 1.50, 'e', -0.001, 'f', 99999999999999999999999999999999999.999999999999999999999999999999)",
      "CAST(CAST('2024-02-29' AS DATE) AS JSON)",
      "JSON_ARRAY(CAST('2024-02-29' AS DATE), CAST('-838:59:59' AS TIME), CAST('-00:00:01.5' AS TIME(3)), CAST('2024-02-29 01:02:03.000004' AS DATETIME(6)))",
      "JSON_ARRAY(CAST('0000-00-00' AS DATE), CAST('0000-00-00 00:00:00' AS DATETIME))",
      "JSON_OBJECT('a', TRUE, 'b', FALSE, 'c', NULL)",
      "JSON_ARRAY(X'00FF27')",
      "JSON_ARRAY(CAST('2024' AS YEAR))",
      "JSON_OBJECT('x', JSON_ARRAY(1.5, JSON_OBJECT('y', CAST('10:00' AS TIME))))",
      "JSON_OBJECT('it''s', 1.5, 'back\\\\', 'q\"uo''te\\\\')",
      'JSON_ARRAY(1.5, CAST(\'{"a": [1, 2.5, null, "x"]}\' AS JSON))',
      'JSON_ARRAY(JSON_OBJECT(), JSON_ARRAY(), 1.5)',
      'JSON_ARRAY(CAST(1.5 AS DECIMAL(20,4)), CAST(-12345678901 AS DECIMAL(30,0)), 0.5, -0.5, 12)',
      ...['b BLOB', 'b MEDIUMBLOB', 'b LONGBLOB', 'b BINARY(3)', 'b VARBINARY(9)', 'b BIT(24)', 'b TIMESTAMP(6)'].map(
        (column) =>
          `(SELECT JSON_OBJECT('x', b) FROM JSON_TABLE(JSON_ARRAY(${column.includes('BIT') ? '4660' : column.includes('TIME') ? "'2024-02-29 01:02:03.5'" : "X'00FF27'"}), '$[*]' COLUMNS(${column} PATH '$')) AS t)`,
      ),
      "JSON_ARRAY(REPEAT(X'AB', 70000))",
      'CAST(POINT(1,2) AS JSON)',
      "JSON_ARRAY(1.5, REPEAT('x', 70000))",
    ],
  },
];

const oneFlavorCases: MatrixCase[] = [
  {
    name: 'vector',
    type: 'VECTOR(3)',
    only: 'mysql',
    values: ["TO_VECTOR('[1,2,3]')", "TO_VECTOR('[-0.5,1e30,1e-30]')", "TO_VECTOR('[-1e-37,3.4e38,0]')"],
    sameFlavorOnly: true,
  },
  {
    name: 'vector_large',
    type: 'VECTOR(16383)',
    only: 'mysql',
    values: ["TO_VECTOR('[7]')", "TO_VECTOR(CONCAT('[', REPEAT('0.25,', 16382), '-1]'))"],
    sameFlavorOnly: true,
  },
  {
    name: 'uuid',
    type: 'UUID',
    only: 'mariadb',
    sameFlavorOnly: true,
    values: quoted([
      '123e4567-e89b-12d3-a456-426655440000',
      '00000000-0000-0000-0000-000000000000',
      'ffffffff-ffff-ffff-ffff-ffffffffffff',
      'f47ac10b-58cc-4372-a567-0e02b2c3d479',
      '01890a5d-ac96-774b-bcce-b302099a8057',
      '1ec9414c-232a-6b00-b3c8-9e6bdeced846',
      '320c3d4d-cc00-875b-8ec9-32d5f69181c0',
      '00000000-0000-4000-8000-000000000000',
    ]),
    keys: 8,
  },
  {
    name: 'inet6',
    type: 'INET6',
    only: 'mariadb',
    sameFlavorOnly: true,
    values: quoted(['::', '::1', '2001:db8::ff00:42:8329', '::ffff:192.0.2.1', 'ff00::']),
    keys: 5,
  },
  {
    name: 'inet4',
    type: 'INET4',
    only: 'mariadb',
    sameFlavorOnly: true,
    values: quoted(['0.0.0.0', '127.0.0.1', '255.255.255.255', '10.0.0.0']),
    keys: 4,
  },
  {
    name: 'json_mariadb',
    type: 'JSON',
    only: 'mariadb',
    values: ['\'{"a": 1}\'', "'[1.0, \"it\\'s\"]'", '\'{ "b" :  1,"a":2 }\'', "'null'"],
    sameFlavorOnly: true,
  },
  {
    name: 'varchar_compressed',
    type: 'VARCHAR(1000) COMPRESSED CHARACTER SET utf8mb4',
    only: 'mariadb',
    sameFlavorOnly: true,
    values: ["''", "'short'", "REPEAT('ä''\\\\', 200)", "REPEAT('x', 1000)"],
  },
  {
    name: 'blob_compressed',
    type: 'BLOB COMPRESSED',
    only: 'mariadb',
    sameFlavorOnly: true,
    values: ["''", "X'00'", `REPEAT(${allBytes}, 50)`],
  },
  {
    name: 'longtext_compressed',
    type: 'LONGTEXT COMPRESSED CHARACTER SET latin1',
    only: 'mariadb',
    sameFlavorOnly: true,
    values: ["REPEAT('long text ', 20000)", "'x'"],
  },
];

/** All cases but those that are made of a server's character sets. */
export const matrixCases: readonly MatrixCase[] = [
  ...numberCases,
  ...temporalCases,
  ...memberCases,
  ...binaryCases,
  ...textCases,
  ...geometryCases,
  ...jsonCases,
  ...oneFlavorCases,
];

/** Byte sequences that other programs are known to convert wrongly. */
const TRAPS: Readonly<Record<string, readonly string[]>> = {
  latin1: ['81', '8D', '8F', '90', '9D', '80'],
  gbk: ['A2A0', 'FEA0', '815C'],
  sjis: ['8160', '817C', '955C', '5C', '7E'],
  cp932: ['8160', '817C', '955C'],
  ujis: ['A1C1', '8EB1'],
  eucjpms: ['A1C1'],
  big5: ['A145', 'C6A1', 'A55C'],
  ucs2: ['D800', 'DC00', '0000', '0027', '005C'],
  macroman: ['DB'],
  cp1251: ['98'],
  greek: ['A4'],
  tis620: ['80'],
  utf16: ['D83DDE00', '00270027', '5C5C'],
  utf32: ['0001F600', '00000027'],
  gb18030: ['81308130', '815C'],
};

/** Text in a charset's own bytes: every character of the basic plane that it has, every byte alone, and known traps. */
export function charsetCases(charsets: readonly { readonly name: string; readonly maxBytes: number }[]): MatrixCase[] {
  return charsets
    .filter(({ name }) => name !== 'binary')
    .flatMap(({ name, maxBytes }) => {
      const traps = (TRAPS[name] ?? []).map((hex) => `_${name} X'${hex}'`);
      const single =
        maxBytes === 1
          ? Array.from({ length: name === 'ascii' ? 128 : 256 }, (_, i) => `_${name} X'${i.toString(16).padStart(2, '0')}'`)
          : [];
      const plane = unicodeBlocks().map((hex) => `CONVERT(_utf16 X'${hex}' USING ${name})`);
      return [
        { name: `cs_${name}`, type: `VARCHAR(300) CHARACTER SET ${name}`, values: [...traps, ...single, ...plane] },
        {
          name: `cs_${name}_char`,
          type: `CHAR(60) CHARACTER SET ${name}`,
          values: [...traps, `CONVERT('a ä €' USING ${name})`, `CONVERT('  x  ' USING ${name})`, "''"],
        },
        {
          name: `cs_${name}_text`,
          type: `TEXT CHARACTER SET ${name}`,
          values: [...traps, ...plane.slice(0, 4), `REPEAT(CONVERT('\\'\\\\' USING ${name}), 3000)`],
        },
      ];
    });
}

/** The basic plane without surrogates as UTF-16 in hex, 256 characters each. */
function unicodeBlocks(): string[] {
  const blocks: string[] = [];
  for (let from = 0; from < 0x10000; from += 256) {
    if (from >= 0xd800 && from < 0xe000) continue;
    blocks.push(Array.from({ length: 256 }, (_, i) => (from + i).toString(16).padStart(4, '0')).join(''));
  }
  return blocks;
}

/** Cases that a server of the flavour has and a server of the other one can take as well. */
export function casesFor(source: Flavor, target: Flavor): MatrixCase[] {
  return matrixCases.filter((each) => (each.only ?? source) === source && (source === target || each.sameFlavorOnly !== true));
}
