import { fields, type Fields } from './problems.ts';

/** `holder` with the quantities of its maps as the API server writes them: 1000m is 1, 0.5 is 500m, 1024Mi is 1Gi. */
export function canonicalQuantities(holder: Fields, maps: readonly string[]): Fields {
  return {
    ...holder,
    ...Object.fromEntries(
      maps
        .filter((name) => holder[name] !== undefined)
        .map((name) => [
          name,
          Object.fromEntries(Object.entries(fields(holder[name])).map(([key, value]) => [key, canonicalQuantity(value)])),
        ]),
    ),
  };
}

const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const DECIMAL = ['', 'k', 'M', 'G', 'T', 'P', 'E'];

export function canonicalQuantity(value: unknown): unknown {
  const match = /^(\d+(?:\.\d+)?)(m|k|Ki|[MGTPE]i?)?$/.exec(String(value));
  if (match === null) return value;
  const [, digits = '0', unit = ''] = match;
  if (unit.endsWith('i')) return scaled(Number(digits) * 1024 ** BINARY.indexOf(unit), 1024, BINARY) ?? value;
  const thousandths = Number(digits) * (unit === 'm' ? 1 : 1000 ** (DECIMAL.indexOf(unit) + 1));
  if (thousandths % 1000 !== 0) return `${Math.ceil(thousandths)}m`;
  return scaled(thousandths / 1000, 1000, DECIMAL) ?? value;
}

function scaled(amount: number, base: number, units: readonly string[]): string | undefined {
  if (!Number.isInteger(amount)) return undefined;
  let [rest, power] = [amount, 0];
  while (rest !== 0 && rest % base === 0 && power < units.length - 1) {
    rest /= base;
    power++;
  }
  return `${rest}${units[power]}`;
}
