/** What other tools and other words call an attribute, and what it may be called here: the first that fits. */
const synonyms: Readonly<Record<string, readonly string[]>> = {
  actions: ['action'],
  alias: ['aliases'],
  cmd: ['command', 'test'],
  command: ['test'],
  constraint: ['constraints'],
  container: ['target', 'container_name'],
  containerport: ['target'],
  containers: ['services'],
  context: ['context_size', 'build'],
  cpu: ['cpus'],
  delay: ['start_period', 'delay'],
  startdelay: ['start_period'],
  destination: ['target'],
  directory: ['context', 'working_dir'],
  driveroptions: ['driver_opts'],
  dst: ['target'],
  env: ['environment'],
  envs: ['environment'],
  envvars: ['environment'],
  file: ['dockerfile', 'path'],
  folder: ['context', 'path'],
  health: ['healthcheck'],
  host: ['published', 'extra_hosts', 'host_ip'],
  hostport: ['published'],
  hosts: ['extra_hosts'],
  img: ['image'],
  ip: ['ipv4_address', 'host_ip'],
  mem: ['memory', 'mem_limit'],
  memory: ['mem_limit'],
  memorylimit: ['mem_limit'],
  mounts: ['volumes'],
  name: ['container_name'],
  needs: ['depends_on'],
  optional: ['required'],
  options: ['driver_opts'],
  opts: ['options', 'driver_opts'],
  parallel: ['parallelism'],
  path: ['file', 'context', 'target', 'source'],
  pull: ['pull_policy'],
  readonly: ['read_only'],
  replicas: ['scale'],
  require: ['required'],
  requires: ['depends_on'],
  restartpolicy: ['restart'],
  retry: ['retries'],
  root: ['user', 'privileged'],
  shell: ['command'],
  src: ['source'],
  subnets: ['subnet'],
  tag: ['tags', 'image'],
  variables: ['environment'],
  workdir: ['working_dir'],
  workingdirectory: ['working_dir'],
};

/** What the user may have meant: another word for it, the same word in another form, or a few typing mistakes away. */
export function nearest(word: string, candidates: readonly string[]): string | null {
  const plain = plainOf(word);
  if (plain === '') return null;
  const same = candidates.find((candidate) => plainOf(candidate) === plain);
  if (same !== undefined) return same;
  const words = Object.hasOwn(synonyms, plain) ? synonyms[plain] : undefined;
  const meant = words?.find((synonym) => candidates.includes(synonym));
  if (meant !== undefined) return meant;
  const limit = Math.max(1, Math.min(3, Math.floor(plain.length / 3)));
  const typed = closest(plain, candidates, limit);
  return typed ?? byPart(plain, candidates);
}

/** Case, `_`, `-`, `.` and the s of a plural are forms of one word. */
function plainOf(word: string): string {
  return word
    .toLowerCase()
    .replaceAll(/[-_.\s]/g, '')
    .replace(/(?<=..)s$/, '');
}

function closest(plain: string, candidates: readonly string[], limit: number): string | null {
  let best: string | null = null;
  let bestDistance = limit + 1;
  for (const candidate of candidates) {
    const distance = editDistance(plain, plainOf(candidate), bestDistance);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** `postgres` for `postgres-db`, where no other name begins or ends like it. */
function byPart(plain: string, candidates: readonly string[]): string | null {
  if (plain.length < 3) return null;
  const found = candidates.filter((candidate) => {
    const other = plainOf(candidate);
    const [short, long] = other.length < plain.length ? [other, plain] : [plain, other];
    return short.length >= 3 && (long.startsWith(short) || long.endsWith(short));
  });
  return found.length === 1 ? (found[0] ?? null) : null;
}

/** Insertions, deletions, substitutions and swaps of neighbours; stops counting at `limit`. */
function editDistance(left: string, right: string, limit: number): number {
  if (Math.abs(left.length - right.length) >= limit) return limit;
  let beforeLast: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const isSame = left[row - 1] === right[column - 1];
      const isSwap =
        row > 1 &&
        column > 1 &&
        left[row - 1] === right[column - 2] &&
        left[row - 2] === right[column - 1];
      current.push(
        Math.min(
          (last[column] ?? 0) + 1,
          (current[column - 1] ?? 0) + 1,
          (last[column - 1] ?? 0) + (isSame ? 0 : 1),
          isSwap ? (beforeLast[column - 2] ?? 0) + 1 : limit,
        ),
      );
    }
    beforeLast = last;
    last = current;
  }
  return last[right.length] ?? limit;
}

/** `did you mean "ports"?`, or nothing to say. */
export function didYouMean(word: string, candidates: readonly string[]): string | undefined {
  const found = nearest(word, candidates);
  return found === null ? undefined : `did you mean "${found}"?`;
}
