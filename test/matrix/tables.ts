import type { DbServer } from '../servers/index.ts';
import { matrixSession, type MatrixCase } from './cases.ts';

/** Character sets of a server. */
export async function charsetsOf(server: DbServer): Promise<{ name: string; maxBytes: number }[]> {
  const rows = await server.query(
    'SELECT CHARACTER_SET_NAME AS name, MAXLEN AS maxlen FROM information_schema.CHARACTER_SETS ORDER BY 1',
  );
  return rows.map((row) => ({ name: String(row['name']), maxBytes: Number(row['maxlen']) }));
}

/** How the table of a case is built: with an id, without any key, or with the value itself as key. */
export type MatrixShape = 'id' | 'keyless' | 'key';

export function tableName(each: MatrixCase, shape: MatrixShape): string {
  return `${shape}_${each.name}`;
}

function createTable(schema: string, each: MatrixCase, shape: MatrixShape, type: string): string {
  const name = `${schema}.${tableName(each, shape)}`;
  switch (shape) {
    case 'id':
      return `CREATE TABLE ${name} (id INT PRIMARY KEY, v ${type}, n INT)`;
    case 'keyless':
      return `CREATE TABLE ${name} (v ${type}, n INT)`;
    case 'key':
      return `CREATE TABLE ${name} (v ${type.replace(/ NULL$/, '')} NOT NULL, n INT, PRIMARY KEY (v))`;
  }
}

/** Shapes in which a case can stand. Those of character sets are many and alike, so they may be had in one shape alone. */
export function shapesOf(each: MatrixCase): MatrixShape[] {
  if (each.shapes !== undefined) return [...each.shapes];
  return each.keys === undefined ? ['id', 'keyless'] : ['id', 'keyless', 'key'];
}

/** Makes the tables of all cases and shapes. `typeOf` may give the target other types than the source. */
export async function createTables(
  server: DbServer,
  schema: string,
  cases: readonly MatrixCase[],
  typeOf: (each: MatrixCase) => string = (each) => each.type,
): Promise<void> {
  const connection = await server.connect();
  try {
    await connection.query(matrixSession);
    await connection.query(`CREATE DATABASE IF NOT EXISTS ${schema}`);
    for (const each of cases) {
      if (each.before !== undefined) await connection.query(each.before);
      for (const shape of shapesOf(each)) await connection.query(createTable(schema, each, shape, typeOf(each)));
      if (each.after !== undefined) await connection.query(each.after);
    }
  } finally {
    await connection.end();
  }
}

const nullable = (each: MatrixCase) => !/NOT NULL/.test(each.type);

/** Inserts every value (and NULL) into every shape. Returns the number of rows. */
export async function insertRows(server: DbServer, schema: string, cases: readonly MatrixCase[]): Promise<number> {
  const connection = await server.connect({ supportBigNumbers: true });
  let rows = 0;
  try {
    await connection.query(matrixSession);
    for (const each of cases) {
      const values = nullable(each) ? [...each.values, 'NULL'] : each.values;
      for (const shape of shapesOf(each)) {
        const name = `${schema}.${tableName(each, shape)}`;
        const chosen = shape === 'key' ? each.values.slice(0, each.keys) : values;
        const tuples = chosen.map((value, i) => (shape === 'id' ? `(${i},${value},${i})` : `(${value},${i})`));
        await connection.query(`INSERT INTO ${name} VALUES ${tuples.join()}`);
        rows += tuples.length;
      }
    }
  } finally {
    await connection.end();
  }
  return rows;
}

/** Changes and deletes rows such that each value is once searched for and, beside keys, once written over another one. */
export async function changeRows(server: DbServer, schema: string, cases: readonly MatrixCase[]): Promise<void> {
  const connection = await server.connect();
  try {
    await connection.query(matrixSession);
    for (const each of cases) {
      for (const shape of shapesOf(each)) {
        const name = `${schema}.${tableName(each, shape)}`;
        if (shape === 'id') {
          // Every row takes the value of the one before it.
          await connection.query(`CREATE TEMPORARY TABLE ${schema}.shift AS SELECT id, v FROM ${name}`);
          await connection.query(`UPDATE ${name} t JOIN ${schema}.shift s ON s.id=t.id-1 SET t.v=s.v, t.n=t.n+100`);
          await connection.query(`DROP TEMPORARY TABLE ${schema}.shift`);
          await connection.query(`UPDATE ${name} SET n=n+1000`);
          await connection.query(`DELETE FROM ${name} WHERE id % 5 = 4`);
        } else {
          await connection.query(`UPDATE ${name} SET n=n+100`);
          await connection.query(`DELETE FROM ${name} WHERE n % 3 = 1`);
        }
      }
    }
  } finally {
    await connection.end();
  }
}
