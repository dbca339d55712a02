import { createConnection, type Connection, type ConnectionOptions, type RowDataPacket } from 'mysql2/promise';

/** A database server that is reached as root, wherever it runs. */
export class SqlServer {
  readonly host: string;
  readonly port: number;
  readonly user = 'root';
  readonly password = 'root';
  #connection: Promise<Connection> | undefined;

  constructor(host: string, port: number) {
    this.host = host;
    this.port = port;
  }

  /** A new connection as root; the caller ends it. A lost connection rejects its queries and is no uncaught error. */
  async connect(options: ConnectionOptions = {}): Promise<Connection> {
    const connection = await createConnection({
      host: this.host,
      port: this.port,
      user: this.user,
      password: this.password,
      ...options,
    });
    connection.on('error', () => {});
    return connection;
  }

  /**
   * Runs one or several statements on the server's own connection (dates as strings, exact big numbers).
   * Returns the rows of the last statement that has any, else [].
   */
  async query(sql: string, values: unknown[] = []): Promise<RowDataPacket[]> {
    this.#connection ??= this.#openConnection();
    const connection = await this.#connection;
    const [result] = await connection.query(sql, values);
    if (!Array.isArray(result)) return [];
    const first: unknown = result[0];
    if (first === undefined || isRow(first)) return result as RowDataPacket[];
    return ((result as unknown[]).filter((part) => Array.isArray(part)).at(-1) as RowDataPacket[] | undefined) ?? [];
  }

  /** Ends the server's own connection; the next `query` makes another. */
  async disconnect(): Promise<void> {
    const open = this.#connection;
    this.#connection = undefined;
    if (open) (await open.catch(() => undefined))?.destroy();
  }

  #openConnection(): Promise<Connection> {
    const opening = this.connect({ multipleStatements: true, dateStrings: true, supportBigNumbers: true });
    const forget = () => {
      if (this.#connection === opening) this.#connection = undefined;
    };
    opening.then((connection) => {
      connection.on('error', forget);
      connection.on('end', forget);
    }, forget);
    return opening;
  }
}

/** In the answer to several statements each element is a row list or a header; in the answer to one it is a row. */
function isRow(value: unknown): boolean {
  return !Array.isArray(value) && (value as object).constructor.name !== 'ResultSetHeader';
}
