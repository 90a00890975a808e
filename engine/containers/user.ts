/**
 * `user[:group]` of a container → ids, against the text of the image's passwd and group files. Digits are always a
 * number and never a name, and a number out of range is an error: an image must not choose what they mean
 * (CVE-2016-3697, CVE-2024-40635).
 */
import { EngineError } from '../api/index.ts';

export interface UserRequest {
  /** As in `User`: "", "user", "uid", "user:group", ":group". Empty is root. */
  readonly user: string;
  /** Further groups by name or number. */
  readonly groupAdd: readonly string[];
  /** Text of the image's files, of a size that who read them has limited; empty when there is none. */
  readonly passwd: string;
  readonly group: string;
}

export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups, the primary one among them: without it files that deny it would open (CVE-2022-36109). */
  readonly groups: readonly number[];
  readonly home: string;
}

/** Linux takes 2^32-2, but most programs keep ids in an int; Docker stops here as well. */
const largestId = 2 ** 31 - 1;

export function resolveUser(request: UserRequest): ResolvedUser {
  const { userPart, groupPart } = splitUser(request.user);
  const user = findUser(userPart, request.passwd);
  const groups = parseGroups(request.group);
  const gid = groupPart === '' ? user.gid : findGroup(groupPart, groups);
  // Whoever names a group gets that one and no memberships, initgroups(3) is for those who do not.
  const memberships = groupPart === '' ? membershipsOf(user.name, groups) : [];
  const added = request.groupAdd.map((group) => findGroup(group, groups));
  return {
    uid: user.uid,
    gid,
    groups: [...new Set([gid, ...memberships, ...added])],
    home: user.home,
  };
}

function splitUser(text: string): { userPart: string; groupPart: string } {
  const [userPart = '', groupPart = '', ...more] = text.split(':');
  if (more.length > 0 || text === ':' || /[\u0000-\u0020\u007f]/.test(text))
    throw invalid(`invalid user ${JSON.stringify(text)}`);
  return { userPart, groupPart };
}

interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

function findUser(text: string, passwd: string): PasswdEntry {
  const entries = parsePasswd(passwd);
  const uid = text === '' ? 0 : parseNumber(text, 'user');
  if (uid !== null) {
    const known = entries.find((entry) => entry.uid === uid);
    return known ?? { name: '', uid, gid: 0, home: '/' };
  }
  const named = entries.find(({ name }) => name === text);
  if (named === undefined)
    throw invalid(`unable to find user ${text}: no matching entries in passwd file`);
  return named;
}

function findGroup(text: string, groups: readonly GroupEntry[]): number {
  const gid = parseNumber(text, 'group');
  if (gid !== null) return gid;
  const named = groups.find(({ name }) => name === text);
  if (named === undefined)
    throw invalid(`unable to find group ${text}: no matching entries in group file`);
  return named.gid;
}

/** A user without a name is in no list of members. */
function membershipsOf(name: string, groups: readonly GroupEntry[]): readonly number[] {
  if (name === '') return [];
  return groups.filter(({ members }) => members.includes(name)).map(({ gid }) => gid);
}

/** null: not a number but a name. Throws for what looks like a number and is no id. */
function parseNumber(text: string, what: string): number | null {
  if (!/^[+-]?\d+$/.test(text)) return null;
  const id = idOf(text);
  if (id === null) throw invalid(`uids and gids must be in range 0-${largestId}: ${what} ${text}`);
  return id;
}

function idOf(text: string): number | null {
  if (!/^\d{1,10}$/.test(text)) return null;
  const id = Number(text);
  return id <= largestId ? id : null;
}

/** passwd(5). A line whose ids are no ids is no entry: read as 0 it would make a root. */
function parsePasswd(text: string): readonly PasswdEntry[] {
  return fieldsOf(text).flatMap(([name = '', , uidText = '', gidText = '', , home = '']) => {
    const uid = idOf(uidText);
    const gid = idOf(gidText);
    if (name === '' || uid === null || gid === null) return [];
    return [{ name, uid, gid, home: home.startsWith('/') ? home : '/' }];
  });
}

/** group(5) */
function parseGroups(text: string): readonly GroupEntry[] {
  return fieldsOf(text).flatMap(([name = '', , gidText = '', members = '']) => {
    const gid = idOf(gidText);
    return name === '' || gid === null ? [] : [{ name, gid, members: members.split(',') }];
  });
}

function fieldsOf(text: string): readonly (readonly string[])[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(':'));
}

function invalid(message: string): EngineError {
  return new EngineError('invalid-argument', message);
}
