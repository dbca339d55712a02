import { charsetOfCollation } from '../../target/sql/charset.ts';

/** How to read the text of a statement: which bytes belong together, and what its identifiers say. */
export interface ClientCharset {
  readonly name: string;
  /** Whether this byte and the next are one character whose second byte may look like a quote or backslash. */
  readonly isLead: (byte: number) => boolean;
  /** The text of identifier bytes (binary string), or null when they are not valid or the charset is not known here. */
  readonly decode: (bytes: string) => string | null;
  /** Bytes of a name in this charset, as a binary string, or null when it cannot be written in it. */
  readonly encode: (text: string) => string | null;
}

/** WHATWG names of the charsets that the platform can decode. */
const decoderOf: Record<string, string> = {
  latin1: 'windows-1252',
  latin2: 'iso-8859-2',
  latin5: 'iso-8859-9',
  latin7: 'iso-8859-13',
  cp1250: 'windows-1250',
  cp1251: 'windows-1251',
  cp1256: 'windows-1256',
  cp1257: 'windows-1257',
  cp866: 'ibm866',
  koi8r: 'koi8-r',
  koi8u: 'koi8-u',
  greek: 'iso-8859-7',
  hebrew: 'iso-8859-8',
  tis620: 'windows-874',
  macroman: 'macintosh',
  gbk: 'gbk',
  gb2312: 'gbk',
  gb18030: 'gb18030',
  big5: 'big5',
  sjis: 'shift_jis',
  cp932: 'shift_jis',
  ujis: 'euc-jp',
  eucjpms: 'euc-jp',
  euckr: 'euc-kr',
};

/** Charsets whose second bytes reach into ASCII (`@` to `~`), where quotes and backslashes live. */
const leadOf: Record<string, (byte: number) => boolean> = {
  gbk: (byte) => byte >= 0x81 && byte <= 0xfe,
  gb18030: (byte) => byte >= 0x81 && byte <= 0xfe,
  big5: (byte) => byte >= 0xa1 && byte <= 0xf9,
  sjis: (byte) => (byte >= 0x81 && byte <= 0x9f) || (byte >= 0xe0 && byte <= 0xfc),
  cp932: (byte) => (byte >= 0x81 && byte <= 0x9f) || (byte >= 0xe0 && byte <= 0xfc),
};

const never = () => false;

const utf8: ClientCharset = {
  name: 'utf8mb4',
  isLead: never,
  decode: (bytes) => strict('utf-8', bytes),
  encode: (text) => Buffer.from(text, 'utf8').toString('latin1'),
};

const described = new Map<string, ClientCharset>();

/** The charset of a statement by the character_set_client id that travelled with it; null stands for utf8mb4. */
export function clientCharset(id: number | null): ClientCharset {
  const name = id === null ? 'utf8mb4' : (charsetOfCollation(id) ?? 'utf8mb4');
  // Under SET NAMES binary the server takes identifiers as utf8.
  if (name === 'utf8mb4' || name === 'utf8mb3' || name === 'binary') return utf8;
  let charset = described.get(name);
  if (charset === undefined) described.set(name, (charset = describe(name)));
  return charset;
}

function describe(name: string): ClientCharset {
  const label = decoderOf[name];
  return {
    name,
    isLead: leadOf[name] ?? never,
    decode: (bytes) => (isAscii(bytes) ? bytes : label === undefined ? null : strict(label, bytes)),
    encode: (text) => (isAscii(text) ? text : label === undefined ? null : encodeWith(label, text)),
  };
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

function strict(label: string, bytes: string): string | null {
  try {
    return new TextDecoder(label, { fatal: true, ignoreBOM: true }).decode(Buffer.from(bytes, 'latin1'));
  } catch {
    return null;
  }
}

const encoders = new Map<string, Map<string, string>>();

/** The platform only decodes, so the way back is a table of all one- and two-byte characters, made at the first use. */
function encodeWith(label: string, text: string): string | null {
  let table = encoders.get(label);
  if (table === undefined) {
    table = new Map();
    for (let first = 0; first < 256; first++) {
      const single = String.fromCharCode(first);
      const character = strict(label, single);
      if (character !== null) table.set(character, single);
      else for (let second = 0x40; second < 256; second++) addPair(table, label, single + String.fromCharCode(second));
    }
    encoders.set(label, table);
  }
  let bytes = '';
  for (const character of text) {
    const encoded = table.get(character);
    if (encoded === undefined) return null;
    bytes += encoded;
  }
  return bytes;
}

function addPair(table: Map<string, string>, label: string, bytes: string): void {
  const character = strict(label, bytes);
  if (character !== null && [...character].length === 1 && !table.has(character)) table.set(character, bytes);
}
