import { EventEmitter } from 'node:events';
import type { Connection } from 'mysql2';

/** What a command of ours needs of mysql2 beyond its public types, as zongji's own dump command does. */
interface CommandConnection {
  addCommand(command: RegisterReplica): unknown;
  writePacket(packet: CommandPacket): void;
  _resetSequenceId(): void;
}

const COM_REGISTER_SLAVE = 0x15;
/** The command takes so many bytes for the host. */
const HOST_BYTES = 60;

/** The name as the source shows it. */
export function shownName(name: string): string {
  return Buffer.from(name).subarray(0, HOST_BYTES).toString();
}

/** The name under which a pipeline's worker is listed. `pipeline`: `<namespace>/<name>`. */
export function replicaNameOf(pipeline: string): string {
  return `lockkeeper ${pipeline}`;
}

/**
 * Tells the source who we are, so that SHOW REPLICAS lists us: people see who reads their binlog, and who would take the same server id
 * finds it in use. The dump works without it, so a refusal is no error.
 */
export function registerReplica(connection: Connection, serverId: number, name: string): void {
  (connection as unknown as CommandConnection).addCommand(new RegisterReplica(serverId, name));
}

/**
 * Command id, server id (4), host, user and password (each with a byte of length), port (2), rank (4), source id (4).
 * mysql2's own command of this kind cannot carry a host. Source: MySQL internals, COM_REGISTER_SLAVE.
 */
class RegisterReplica extends EventEmitter {
  readonly #payload: Buffer;
  #sent = false;

  constructor(serverId: number, name: string) {
    super();
    const host = Buffer.from(shownName(name));
    const id = Buffer.alloc(5);
    id.writeUInt8(COM_REGISTER_SLAVE, 0);
    id.writeUInt32LE(serverId, 1);
    this.#payload = Buffer.concat([id, Buffer.of(host.length), host, Buffer.alloc(2 + 2 + 4 + 4)]);
  }

  /** Called by mysql2 when the command's turn has come, and with the server's answer; true ends the command. */
  execute(_packet: unknown, connection: CommandConnection): boolean {
    if (this.#sent) {
      this.emit('end');
      return true;
    }
    this.#sent = true;
    connection._resetSequenceId();
    connection.writePacket(new CommandPacket(this.#payload));
    return false;
  }
}

const HEADER_BYTES = 4;

/** A packet as mysql2 writes it: four bytes for its header, then the payload. */
class CommandPacket {
  readonly buffer: Buffer;

  constructor(payload: Buffer) {
    this.buffer = Buffer.concat([Buffer.alloc(HEADER_BYTES), payload]);
  }

  length(): number {
    return this.buffer.length;
  }

  writeHeader(sequenceId: number): void {
    this.buffer.writeUIntLE(this.buffer.length - HEADER_BYTES, 0, 3);
    this.buffer.writeUInt8(sequenceId, 3);
  }
}
