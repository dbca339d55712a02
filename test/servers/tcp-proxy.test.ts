import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TcpProxy } from './tcp-proxy.ts';

let echo: Server;
let proxy: TcpProxy;
const arrived: Buffer[] = [];

beforeEach(async () => {
  arrived.length = 0;
  echo = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      arrived.push(bytes);
      socket.write(bytes);
    });
  });
  echo.listen(0, '127.0.0.1');
  await once(echo, 'listening');
  proxy = await TcpProxy.start({ host: '127.0.0.1', port: (echo.address() as AddressInfo).port });
});

afterEach(async () => {
  await proxy.stop();
  echo.close();
});

async function open(): Promise<Socket> {
  const socket = connect(proxy.port, proxy.host);
  await once(socket, 'connect');
  socket.on('error', () => {});
  return socket;
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

async function answer(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  return bytes.toString();
}

describe('TcpProxy', () => {
  test('carries bytes both ways, in order, under backpressure', async () => {
    const socket = await open();
    const sent = Buffer.alloc(8 << 20, 'abcdefghijklmnopqrstuvwxyz');
    const received: Buffer[] = [];
    socket.on('data', (bytes) => received.push(bytes));
    socket.write(sent);
    await expect.poll(() => received.reduce((sum, { length }) => sum + length, 0), { timeout: 10_000 }).toBe(sent.length);
    expect(Buffer.concat(received).equals(sent)).toBe(true);
  });

  test('passes on the end of one side', async () => {
    const socket = await open();
    socket.resume().end();
    await closed(socket);
    await expect.poll(() => proxy.connections).toBe(0);
  });

  test('cut closes connections and refuses new ones until restore', async () => {
    const socket = await open();
    expect(await answer(socket, 'one')).toBe('one');
    await proxy.cut();
    await closed(socket);
    await expect(open()).rejects.toThrow('ECONNREFUSED');
    await proxy.restore();
    expect(await answer(await open(), 'two')).toBe('two');
  });

  test('a frozen line accepts and swallows; restore closes what it tore', async () => {
    const socket = await open();
    expect(await answer(socket, 'one')).toBe('one');
    proxy.freeze();
    let answers = 0;
    socket.on('data', () => answers++);
    socket.write('lost');
    (await open()).write('lost too');
    await sleep(200);
    expect(answers).toBe(0);
    expect(Buffer.concat(arrived).toString()).toBe('one');
    expect(socket.destroyed).toBe(false);
    const torn = closed(socket);
    await proxy.restore();
    await torn;
    expect(await answer(await open(), 'two')).toBe('two');
  });

  test('a stalled line delivers everything after restore', async () => {
    const socket = await open();
    proxy.stall();
    const answered = answer(socket, 'late');
    await sleep(200);
    expect(arrived).toHaveLength(0);
    await proxy.restore();
    expect(await answered).toBe('late');
  });

  test('delays each direction', async () => {
    const socket = await open();
    proxy.delay(100);
    const begin = performance.now();
    await answer(socket, 'x');
    expect(performance.now() - begin).toBeGreaterThan(195);
  });

  test('limits bandwidth', async () => {
    const socket = await open();
    proxy.bandwidth(100_000);
    const begin = performance.now();
    let received = 0;
    socket.on('data', ({ length }) => (received += length));
    socket.write(Buffer.alloc(20_000));
    await expect.poll(() => received, { timeout: 5_000 }).toBe(20_000);
    expect(performance.now() - begin).toBeGreaterThan(190);
  });

  test('closeConnections resets what is open and lets new connections in', async () => {
    const socket = await open();
    proxy.closeConnections();
    await closed(socket);
    expect(await answer(await open(), 'again')).toBe('again');
  });

  test('a server that is down closes the client', async () => {
    echo.close();
    const socket = connect(proxy.port, proxy.host).on('error', () => {});
    await closed(socket);
  });
});
