/** The words before a command that is to run there. */
export interface Place {
  readonly enter: readonly string[];
}
export interface Namespace extends Place {
  readonly pid: number;
  close(): Promise<void>;
}
export interface Surroundings {
  readonly places: Readonly<Record<'host', Place>> &
    Readonly<Record<'segment' | 'neighbour' | 'router' | 'outside' | 'six', Namespace>>;
  close(): Promise<void>;
}
export const addresses: Readonly<
  Record<
    | 'host'
    | 'hostToo'
    | 'neighbour'
    | 'router'
    | 'outside'
    | 'host6'
    | 'hostToo6'
    | 'neighbour6'
    | 'router6'
    | 'six'
    | 'outside6',
    string
  >
>;
export const hostLink: string;
export function makeSurroundings(options?: { readonly host?: Place }): Promise<Surroundings>;
export function makeNamespace(): Promise<Namespace>;
/** Resolves to what it printed; rejects when it fails. */
export function command(place: Place, words: readonly string[]): Promise<string>;
