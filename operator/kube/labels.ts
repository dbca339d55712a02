/** Label values hold at most this. */
const LONGEST_VALUE = 63;

export interface Naming {
  /** What the object belongs to: name of the custom resource. */
  readonly instance: string;
  /** What kind of thing: zookeeper, worker. */
  readonly name: string;
  /** Its part in that: voter, observer, worker. */
  readonly component?: string | undefined;
}

/** Labels that select an object's pods. They never change, so no version and no image is among them. */
export function selectorLabels(naming: Naming): Record<string, string> {
  return {
    'app.kubernetes.io/instance': labelValue(naming.instance),
    'app.kubernetes.io/name': labelValue(naming.name),
    ...(naming.component === undefined ? {} : { 'app.kubernetes.io/component': labelValue(naming.component) }),
  };
}

/** The recommended labels, on every object that we make. */
export function commonLabels(naming: Naming): Record<string, string> {
  return { ...selectorLabels(naming), 'app.kubernetes.io/managed-by': 'lockkeeper', 'app.kubernetes.io/part-of': 'lockkeeper' };
}

/** `labelSelector` of a request. */
export function selectorText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(',');
}

export function matchesLabels(
  labels: Readonly<Record<string, string>> | undefined,
  selector: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(selector).every(([key, value]) => labels?.[key] === value);
}

/** @throws Error when it is no label value: names are checked by the schemas, so this is a mistake in our code */
function labelValue(text: string): string {
  if (text.length > LONGEST_VALUE || !/^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/.test(text)) {
    throw new Error(`'${text}' is no label value`);
  }
  return text;
}
