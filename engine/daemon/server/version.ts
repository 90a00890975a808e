import {
  compareApiVersions,
  EngineError,
  parseApiVersion,
  type ApiVersion,
} from '../../api/index.ts';

export interface VersionRange {
  readonly lowest: string;
  readonly highest: string;
}

export interface VersionedPath {
  readonly version: ApiVersion;
  /** What follows the prefix. */
  readonly path: string;
}

/** Takes `/v1.51` off a path. Without one, the newest version is meant. Throws `invalid-argument` for one out of range. */
export function splitVersion(path: string, range: VersionRange): VersionedPath {
  const match = /^\/v(\d+\.\d+)(?=\/)/.exec(path);
  const prefix = match?.[0] ?? '';
  const asked = match?.[1] ?? range.highest;
  const version = parse(asked);
  if (compareApiVersions(version, parse(range.highest)) > 0) {
    throw outOfRange(asked, `too new. Maximum supported API version is ${range.highest}`);
  }
  if (compareApiVersions(version, parse(range.lowest)) < 0) {
    const upgrade = 'please upgrade your client to a newer version';
    throw outOfRange(
      asked,
      `too old. Minimum supported API version is ${range.lowest}, ${upgrade}`,
    );
  }
  return { version, path: path.slice(prefix.length) };
}

function parse(text: string): ApiVersion {
  const version = parseApiVersion(text);
  if (version === null) throw new EngineError('invalid-argument', `invalid API version "${text}"`);
  return version;
}

function outOfRange(version: string, why: string): EngineError {
  return new EngineError('invalid-argument', `client version ${version} is ${why}`);
}
