import { InvalidArgumentError } from 'commander';
import { LockkeeperError, messageOf } from '../common/errors.ts';
import { parseAddress } from '../common/http/address.ts';
import { parseConnectString } from '../common/zookeeper/connect-string.ts';

/* What options take. Each throws InvalidArgumentError, which commander shows behind the option, the value and where it is from. */

export function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value > 0 && value <= 86_400))
    throw new InvalidArgumentError('It takes a number of seconds above 0.');
  return value;
}

export function address(text: string): string {
  if (parseAddress(text) === null) throw new InvalidArgumentError('It takes host:port, such as 127.0.0.1:9190.');
  return text;
}

export function connectString(text: string): string {
  try {
    parseConnectString(text);
    return text;
  } catch (error) {
    throw new InvalidArgumentError(error instanceof LockkeeperError ? error.remedy : messageOf(error));
  }
}

/** Of a namespace, and of objects that become part of DNS names. */
export function name(text: string): string {
  if (!/^(?=.{1,63}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(text))
    throw new InvalidArgumentError(
      'It takes at most 63 lower-case letters, digits and hyphens, beginning and ending with a letter or digit.',
    );
  return text;
}

/** What a znode may be called. */
export function workerId(text: string): string {
  if (!/^\w[\w.-]*$/.test(text)) throw new InvalidArgumentError('It takes letters, digits, hyphens, dots and underscores.');
  return text;
}

/** Of any Kubernetes object. */
export function objectName(text: string): string {
  if (!isDnsName(text))
    throw new InvalidArgumentError(
      'It takes lower-case letters, digits, hyphens and dots, beginning and ending with a letter or digit.',
    );
  return text;
}

/** Values between commas; none for an empty text, as an environment variable gives it. */
export function listOf(value: (text: string) => string): (text: string) => string[] {
  return (text) => [
    ...new Set(
      text
        .split(',')
        .map((each) => each.trim())
        .filter((each) => each !== '')
        .map(value),
    ),
  ];
}

export function dnsName(text: string): string {
  if (!isDnsName(text)) throw new InvalidArgumentError('It takes a DNS name, such as cluster.local.');
  return text;
}

export function imageReference(text: string): string {
  if (!/^[a-zA-Z0-9][\w.:/-]*(@sha256:[0-9a-f]{64})?$/.test(text))
    throw new InvalidArgumentError('It takes a reference of an image, such as registry.example/lockkeeper:1.0.');
  return text;
}

function isDnsName(text: string): boolean {
  return text.length <= 253 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(text);
}
