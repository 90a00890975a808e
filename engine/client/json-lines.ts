/** Longer lines are no answer of an engine. */
const maxLineBytes = 16 * 1024 * 1024;

/** One JSON value per line, however the chunks are cut. Docker separates some by CR LF and some by nothing but LF. */
export async function* jsonLines<T>(body: AsyncIterable<Uint8Array>): AsyncGenerator<T> {
  let rest: Uint8Array[] = [];
  let restBytes = 0;
  for await (const chunk of body) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      rest.push(chunk.subarray(start, end));
      const line = Buffer.concat(rest).toString().trim();
      rest = [];
      restBytes = 0;
      start = end + 1;
      if (line !== '') yield JSON.parse(line) as T;
    }
    if (start < chunk.length) rest.push(chunk.subarray(start));
    restBytes += chunk.length - start;
    if (restBytes > maxLineBytes) throw new RangeError('a line of the answer is over 16 MiB');
  }
  const line = Buffer.concat(rest).toString().trim();
  if (line !== '') yield JSON.parse(line) as T;
}
