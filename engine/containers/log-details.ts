/** What `docker logs --details` puts before each line: what the log options name of the container. */
import { shortId } from '../lib/index.ts';
import { argumentsOf } from './config.ts';
import type { ContainerRecord } from './container.ts';
import { expandTag } from './log-options.ts';

type Values = ReadonlyMap<string, string>;

/** `key=value,key=value`, sorted by key and escaped as in a query. */
export function logDetailsOf(record: ContainerRecord): string {
  const tag = record.hostConfig.LogConfig?.Config?.['tag'];
  const found = new Map(attributesOf(record));
  if (isGiven(tag)) found.set('tag', tagOf(record, tag));
  return [...found]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${escape(key)}=${escape(value)}`)
    .join(',');
}

/** The labels and variables that the log options name. */
export function attributesOf(record: ContainerRecord): readonly (readonly [string, string])[] {
  const { labels, env, ...options } = record.hostConfig.LogConfig?.Config ?? {};
  const labelValues = new Map(Object.entries(record.config.Labels ?? {}));
  const found = new Map([
    ...named(labelValues, labels),
    // Docker looks at this one only beside `labels` (moby `ExtraAttributes`).
    ...(isGiven(labels) ? matching(labelValues, options['labels-regex']) : []),
    ...named(environmentOf(record), env),
    ...matching(environmentOf(record), options['env-regex']),
  ]);
  return [...found];
}

export function tagOf(record: ContainerRecord, template: string): string {
  return expandTag(template, (field) => tagField(record, field));
}

function isGiven(text: string | undefined): text is string {
  return text !== undefined && text !== '';
}

function named(values: Values, list = ''): [string, string][] {
  return list.split(',').flatMap((name) => {
    const value = values.get(name);
    return value === undefined ? [] : [[name, value] as [string, string]];
  });
}

function matching(values: Values, pattern: string | undefined): [string, string][] {
  if (!isGiven(pattern)) return [];
  const expression = new RegExp(pattern, 'u');
  return [...values].filter(([name]) => expression.test(name));
}

function environmentOf({ config }: ContainerRecord): Values {
  return new Map(
    (config.Env ?? []).flatMap((entry) => {
      const at = entry.indexOf('=');
      return at < 0 ? [] : [[entry.slice(0, at), entry.slice(at + 1)] as const];
    }),
  );
}

function tagField(record: ContainerRecord, field: string): string {
  const { id, name, imageId, config } = record;
  const fields: Readonly<Record<string, string>> = {
    ID: shortId(id),
    FullID: id,
    Name: name,
    ImageID: imageId.slice(0, 12),
    ImageFullID: imageId,
    ImageName: config.Image ?? '',
    DaemonName: 'docker',
    Command: argumentsOf(config).join(' '),
  };
  return fields[field] ?? '';
}

/** As Go's `url.QueryEscape`. */
function escape(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');
}
