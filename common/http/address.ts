/** Where the HTTP server listens: `host:port`, `[::1]:port`; port 0 for any free one. Null when the text is none. */
export function parseAddress(text: string): { readonly host: string; readonly port: number } | null {
  const match = /^(?:\[([\da-fA-F:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(text);
  const [host, port] = [match?.[1] ?? match?.[2], Number(match?.[3])];
  return host === undefined || port > 65_535 ? null : { host, port };
}
