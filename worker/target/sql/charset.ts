/** Collation ids that MySQL and MariaDB give to each character set, single or as `from-to`. The same in all their versions. */
const IDS: Readonly<Record<string, readonly (number | readonly [number, number])[]>> = {
  big5: [1, 84],
  latin2: [2, 9, 21, 27, 77],
  dec8: [3, 69],
  cp850: [4, 80],
  latin1: [5, 8, 15, 31, 47, 48, 49, 94],
  hp8: [6, 72],
  koi8r: [7, 74],
  swe7: [10, 82],
  ascii: [11, 65],
  ujis: [12, 91],
  sjis: [13, 88],
  cp1251: [14, 23, 50, 51, 52],
  hebrew: [16, 71],
  tis620: [18, 89],
  euckr: [19, 85],
  latin7: [20, 41, 42, 79],
  koi8u: [22, 75],
  gb2312: [24, 86],
  greek: [25, 70],
  cp1250: [26, 34, 44, 66, 99],
  gbk: [28, 87],
  cp1257: [29, 58, 59],
  latin5: [30, 78],
  armscii8: [32, 64],
  utf8mb3: [33, 76, 83, [192, 223], [576, 640], [2048, 2303]],
  ucs2: [35, 90, [128, 159], [640, 703], [2560, 2815]],
  cp866: [36, 68],
  keybcs2: [37, 73],
  macce: [38, 43],
  macroman: [39, 53],
  cp852: [40, 81],
  utf8mb4: [45, 46, [224, 247], [255, 323], [608, 639], [2304, 2559]],
  utf16: [54, 55, [101, 124], [672, 702], [2816, 3071]],
  utf16le: [56, 62],
  cp1256: [57, 67],
  utf32: [60, 61, [160, 183], [736, 766], [3072, 3327]],
  binary: [63],
  geostd8: [92, 93],
  cp932: [95, 96],
  eucjpms: [97, 98],
  gb18030: [248, 249, 250],
};

/** MariaDB numbers its NO PAD collations 1024 above the padding ones. */
const NOPAD = 1024;

const charsets = new Map<number, string>();
for (const [charset, ids] of Object.entries(IDS)) {
  for (const id of ids) {
    const [from, to] = typeof id === 'number' ? [id, id] : id;
    for (let each = from; each <= to; each++) charsets.set(each, charset);
  }
}

/** Name of the character set that a collation id of a table map belongs to; undefined for an id that is not known. */
export function charsetOfCollation(id: number): string | undefined {
  return charsets.get(id) ?? (id > NOPAD && id < 2 * NOPAD ? charsets.get(id - NOPAD) : undefined);
}

/** A collation id of the character set; 0, which is none, for a name that is not known. */
export function collationOf(charset: string): number {
  const [first = 0] = IDS[charset] ?? [];
  return typeof first === 'number' ? first : first[0];
}

/** Character sets whose letters are not ASCII bytes: nothing else is a subset of them. */
const NOT_ASCII_BASED = new Set(['ucs2', 'utf16', 'utf16le', 'utf32', 'swe7']);

/** Whether text of one character set stands in a column of another one with the same bytes. */
export function sameBytes(source: string, target: string): boolean {
  if (source === target || source === 'binary' || target === 'binary') return true;
  if (source === 'ascii') return !NOT_ASCII_BASED.has(target);
  return source === 'utf8mb3' && target === 'utf8mb4';
}
