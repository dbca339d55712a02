/** `details` of a Kubernetes Status. */
export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly { readonly reason?: string; readonly message?: string; readonly field?: string }[];
  readonly retryAfterSeconds?: number;
}

/** The API server's answer when it refuses. */
export interface Status {
  readonly kind?: string;
  readonly status?: string;
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: StatusDetails;
}

const LONGEST_MESSAGE = 600;

/**
 * A request that failed, with what was attempted and the server's reason; no headers and no bodies.
 * `status` is 0 when there was no whole answer: then `reason` is Unreachable or Timeout, and a write may
 * have been done, or NotLeading, and nothing was.
 */
export class KubeError extends Error {
  readonly status: number;
  /** Kubernetes' reason such as NotFound, AlreadyExists, Conflict, Invalid, Forbidden, Expired; Unreachable and Timeout are ours. */
  readonly reason: string;
  readonly details: StatusDetails;
  /** What the server asks to wait before another attempt. */
  readonly retryAfterMs: number | undefined;

  constructor(
    action: string,
    status: number,
    reason: string,
    message: string,
    options: { details?: StatusDetails | undefined; retryAfterMs?: number | undefined; cause?: unknown } = {},
  ) {
    super(shorten(`${action}: ${message}`), options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'KubeError';
    this.status = status;
    this.reason = reason;
    this.details = options.details ?? {};
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** `action` as in "apply StatefulSet shop/main"; `body` as received, a Status or anything that a proxy may answer. */
export function errorFromAnswer(action: string, httpStatus: number, body: unknown, retryAfterMs?: number): KubeError {
  const status = isStatus(body) ? body : {};
  const text = status.message ?? (typeof body === 'string' && body.trim() !== '' ? body.trim() : `HTTP status ${httpStatus}`);
  const asked = status.details?.retryAfterSeconds;
  return new KubeError(action, status.code ?? httpStatus, status.reason ?? reasonOf(httpStatus), text, {
    details: status.details,
    retryAfterMs: retryAfterMs ?? (asked === undefined ? undefined : asked * 1000),
  });
}

export function isStatus(body: unknown): body is Status {
  return typeof body === 'object' && body !== null && (body as Status).kind === 'Status';
}

export const isNotFound = (error: unknown): error is KubeError => error instanceof KubeError && error.status === 404;

/** The object was changed meanwhile, replaced by another of its name, or another field manager owns the field. */
export const isConflict = (error: unknown): error is KubeError =>
  error instanceof KubeError && ((error.status === 409 && error.reason !== 'AlreadyExists') || isOtherObject(error));

/** A patch that carries another uid than the object's is refused as an attempt to change that. */
function isOtherObject({ status, details }: KubeError): boolean {
  return status === 422 && details.causes?.some(({ field }) => field === 'metadata.uid') === true;
}

export const isAlreadyExists = (error: unknown): error is KubeError =>
  error instanceof KubeError && error.reason === 'AlreadyExists';

export const isInvalid = (error: unknown): error is KubeError => error instanceof KubeError && error.status === 422;

export const isForbidden = (error: unknown): error is KubeError => error instanceof KubeError && error.status === 403;

/** The revision asked for is gone: list anew. */
export const isExpired = (error: unknown): error is KubeError => error instanceof KubeError && error.status === 410;

/** No whole answer came: the request may have been done or not. */
export const isUnknownOutcome = (error: unknown): error is KubeError =>
  error instanceof KubeError && error.status === 0 && error.reason !== 'NotLeading';

function reasonOf(status: number): string {
  const known: Readonly<Record<number, string>> = {
    400: 'BadRequest',
    401: 'Unauthorized',
    403: 'Forbidden',
    404: 'NotFound',
    409: 'Conflict',
    410: 'Gone',
    415: 'UnsupportedMediaType',
    422: 'Invalid',
    429: 'TooManyRequests',
    503: 'ServiceUnavailable',
    504: 'Timeout',
  };
  return known[status] ?? (status >= 500 ? 'InternalError' : 'Unknown');
}

function shorten(text: string): string {
  return text.length <= LONGEST_MESSAGE ? text : `${text.slice(0, LONGEST_MESSAGE - 1)}…`;
}
