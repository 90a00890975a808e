/** What a command's run() receives. Everything costly is made on first use. */
import type { LoadResult, LoadSkips, ModelResult } from '../compose/index.ts';
import type { EngineClient } from '../engine/client/index.ts';
import type { EngineAddress } from './address.ts';
import type { GlobalRequest } from './options.ts';
import type { LoadOptions } from './project.ts';
import type { Remotes } from './remote/remotes.ts';
import type { Interrupts } from './signals.ts';
import type { Ui } from './ui/ui.ts';

export interface Context {
  readonly global: GlobalRequest;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly ui: Ui;
  readonly interrupts: Pick<Interrupts, 'graceful' | 'forced'>;
  /** Which engine, without a connection. */
  readonly address: () => EngineAddress;
  /** A connected client; the embedded engine is started when nobody answers. */
  readonly engine: () => Promise<EngineClient>;
  /** Resolves when the engine answers again after it went away; the embedded one is started anew. */
  readonly revive: () => Promise<void>;
  /** The loaded project; its warnings are already shown. */
  readonly project: (options?: LoadOptions) => Promise<LoadResult['project']>;
  /** Its files merged, with their variables as typed. */
  readonly model: (skip: LoadSkips) => Promise<ModelResult['model']>;
  /** Before a project runs anything: asks about a compose file from elsewhere. Throws when it may not run. */
  readonly consent: (
    project: Pick<LoadResult['project'], 'files'>,
    answer: { readonly yes?: boolean },
  ) => Promise<void>;
  /** The project's name alone, which neither a missing variable nor a misspelt key elsewhere can hide. */
  readonly projectName: () => Promise<string>;
}

export interface ContextRequest {
  readonly global: GlobalRequest;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  readonly ui: Ui;
  readonly interrupts: Pick<Interrupts, 'graceful' | 'forced'>;
  readonly address: () => EngineAddress;
}

/** Dispose of it when the command has ended: an open connection keeps the process. */
export function createContext(request: ContextRequest): Context & AsyncDisposable {
  const { global, env, workingDirectory, ui, interrupts, address } = request;
  const source = { global, env, workingDirectory, signal: interrupts.graceful };
  let client: Promise<EngineClient> | undefined;
  let remotes: Remotes | undefined;
  let reviving: Promise<EngineClient> | undefined;

  const connect = async (): Promise<EngineClient> => {
    const { connectEngine } = await import('./engine.ts');
    return connectEngine({ address: address(), env, signal: interrupts.graceful });
  };

  return {
    global,
    env,
    ui,
    interrupts,
    address,
    engine: () => (client ??= connect()),
    revive: async () => {
      // Whoever notices at the same time waits for the same attempt. The client that they hold connects by itself.
      reviving ??= connect();
      const attempt = reviving;
      try {
        (await attempt).close();
      } finally {
        if (reviving === attempt) reviving = undefined;
      }
    },
    project: async (options) => {
      const { loadFrom, warningText } = await import('./project.ts');
      const loaded = await loadFrom(source, options);
      for (const warning of loaded.warnings) ui.warn(warningText(warning));
      remotes = loaded.remotes;
      return loaded.project;
    },
    model: async (skip) => {
      const { loadModelFrom, warningText } = await import('./project.ts');
      const { model, warnings } = await loadModelFrom(source, skip);
      for (const warning of warnings) ui.warn(warningText(warning));
      return model;
    },
    consent: async ({ files }, { yes }) => {
      if (remotes === undefined || remotes.sources.length === 0) return;
      const { askConsent, processTerminal } = await import('./remote/consent.ts');
      const { graceful } = interrupts;
      const terminal = processTerminal({
        input: process.stdin,
        output: process.stderr,
        signal: graceful,
      });
      await askConsent({ remotes, files, env, assumeYes: yes === true, terminal });
    },
    projectName: async () => {
      const { loadNameFrom } = await import('./project.ts');
      return (await loadNameFrom(source)).name;
    },
    [Symbol.asyncDispose]: async () => {
      const opened = await client?.catch(() => undefined);
      opened?.close();
    },
  };
}
