import type { Status, StatusDetails } from '../../operator/kube/errors.ts';
import { groupOf, type Resource } from '../../operator/kube/resources.ts';
import type { TransportAnswer } from '../../operator/kube/transport.ts';

export interface FieldProblem {
  readonly field: string;
  /** As the API server words it: `Required value`, `Invalid value: 3: must be odd`. */
  readonly message: string;
  readonly reason?: string;
}

/** Ends a request with a Status, in the API server's own words: the client's error messages are tested against them. */
export class Refusal extends Error {
  readonly code: number;
  readonly reason: string;
  readonly details: StatusDetails | undefined;

  constructor(code: number, reason: string, message: string, details?: StatusDetails) {
    super(message);
    this.name = 'Refusal';
    this.code = code;
    this.reason = reason;
    this.details = details;
  }

  get body(): Status & { apiVersion: string; metadata: object } {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      reason: this.reason,
      ...(this.details === undefined ? {} : { details: this.details }),
      code: this.code,
    };
  }

  get answer(): TransportAnswer {
    const seconds = this.details?.retryAfterSeconds;
    return { status: this.code, body: this.body, ...(seconds === undefined ? {} : { retryAfterMs: seconds * 1000 }) };
  }
}

/** `statefulsets.apps "main"` */
function quoted(resource: Resource, name: string): string {
  const group = groupOf(resource.apiVersion);
  return `${resource.plural}${group === '' ? '' : `.${group}`} "${name}"`;
}

function detailsOf(resource: Resource, name: string): StatusDetails {
  const group = groupOf(resource.apiVersion);
  return { name, ...(group === '' ? {} : { group }), kind: resource.plural };
}

export function notFound(resource: Resource, name: string): Refusal {
  return new Refusal(404, 'NotFound', `${quoted(resource, name)} not found`, detailsOf(resource, name));
}

export function alreadyExists(resource: Resource, name: string): Refusal {
  return new Refusal(409, 'AlreadyExists', `${quoted(resource, name)} already exists`, detailsOf(resource, name));
}

export function conflict(resource: Resource, name: string, why: string): Refusal {
  const message = `Operation cannot be fulfilled on ${quoted(resource, name)}: ${why}`;
  return new Refusal(409, 'Conflict', message, detailsOf(resource, name));
}

export function modified(resource: Resource, name: string): Refusal {
  return conflict(resource, name, 'the object has been modified; please apply your changes to the latest version and try again');
}

export function invalid(resource: Resource, name: string, problems: readonly FieldProblem[]): Refusal {
  const group = groupOf(resource.apiVersion);
  const texts = problems.map(({ field, message }) => `${field}: ${message}`);
  const list = texts.length === 1 ? texts[0]! : `[${texts.join(', ')}]`;
  return new Refusal(422, 'Invalid', `${resource.kind}${group === '' ? '' : `.${group}`} "${name}" is invalid: ${list}`, {
    name,
    ...(group === '' ? {} : { group }),
    kind: resource.kind,
    causes: problems.map(({ field, message, reason }) => ({ reason: reason ?? 'FieldValueInvalid', message, field })),
  });
}

export function forbidden(resource: Resource, name: string, why: string): Refusal {
  return new Refusal(403, 'Forbidden', `${quoted(resource, name)} is forbidden: ${why}`, detailsOf(resource, name));
}

export function badRequest(message: string): Refusal {
  return new Refusal(400, 'BadRequest', message);
}

export function expired(message: string): Refusal {
  return new Refusal(410, 'Expired', message);
}

export function methodNotAllowed(): Refusal {
  return new Refusal(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource');
}
