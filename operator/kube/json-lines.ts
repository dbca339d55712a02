/** The parsed lines of a stream of text in any pieces. A last line without its end was cut off and is dropped. */
export async function* jsonLines(chunks: AsyncIterable<string>): AsyncGenerator<unknown> {
  let rest = '';
  for await (const chunk of chunks) {
    const lines = chunk.split('\n');
    lines[0] = rest + lines[0]!;
    rest = lines.pop()!;
    for (const line of lines) if (line !== '') yield JSON.parse(line) as unknown;
  }
}
