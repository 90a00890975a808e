/** What to write to a control file so that it says again what it has said. Pure. */
import type { ControlWrite } from './cgroup-writes.ts';

/** `text` is the file's content from before `write`. */
export function valueBefore({ file, value }: ControlWrite, text: string): string {
  const lines = text.trim().split('\n');
  // "oom_kill_disable 0" among counters.
  if (file === 'memory.oom_control') return /^oom_kill_disable (\d)$/m.exec(text)?.[1] ?? '0';
  const [key = '', setting = ''] = value.split(' ');
  if (!/^\d+:\d+$/.test(key)) return (lines[0] ?? '') === '' ? '\n' : (lines[0] ?? '');
  // One line for each device that has a setting.
  return lines.find((line) => line.startsWith(`${key} `)) ?? `${key} ${unset(file, setting)}`;
}

/** How a device's setting is taken away: in io.max each by its name. */
function unset(file: string, setting: string): string {
  const [name = ''] = setting.split('=');
  if (file === 'io.max') return `${name}=max`;
  return file.startsWith('io.') ? 'default' : '0';
}
