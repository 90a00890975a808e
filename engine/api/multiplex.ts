export type OutputStream = 'stdout' | 'stderr';
