import { describe, expect, test } from 'vitest';
import { reasonOf, Rollback } from '../../../../engine/lib/index.ts';

describe('Rollback', () => {
  test('steps must be undone in reverse, past those that fail, and every failure reported', async () => {
    const rollback = new Rollback();
    const undone: string[] = [];
    rollback.add('first', () => undone.push('first'));
    rollback.add('second', () => Promise.reject(new Error('busy')));
    rollback.add('third', () => {
      undone.push('third');
      throw new Error('gone');
    });
    const failures = await rollback.undo();
    expect(undone).toEqual(['third', 'first']);
    expect(failures.map(({ message }) => message)).toEqual([
      'cannot undo "third": gone',
      'cannot undo "second": busy',
    ]);
    expect(await rollback.undo()).toEqual([]);
  });

  test('a guarded work that returns must keep what it made', async () => {
    const undone: string[] = [];
    const result = await Rollback.guard((rollback) => {
      rollback.add('step', () => undone.push('step'));
      return Promise.resolve(7);
    });
    expect([result, undone]).toEqual([7, []]);
  });

  test('a guarded work that throws must be undone and throw the same error', async () => {
    const undone: string[] = [];
    const error = new Error('no space');
    const work = Rollback.guard((rollback) => {
      rollback.add('step', () => undone.push('step'));
      return Promise.reject(error);
    });
    await expect(work).rejects.toBe(error);
    expect(undone).toEqual(['step']);
  });

  test('what could not be undone must be reported beside the error', async () => {
    const error = new Error('no space');
    const work = Rollback.guard((rollback) => {
      rollback.add('step', () => Promise.reject(new Error('busy')));
      return Promise.reject(error);
    });
    const failure = await work.then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(failure).toBeInstanceOf(AggregateError);
    expect((failure as AggregateError).message).toBe('no space');
    expect((failure as AggregateError).cause).toBe(error);
    expect((failure as AggregateError).errors.map(String)).toEqual([
      'Error: no space',
      'Error: cannot undo "step": busy',
    ]);
  });

  test('the reason of a work that could not be undone must be told from the failures of undoing', async () => {
    const reason = new Error('no space');
    const work = Rollback.guard((rollback) => {
      rollback.add('step', () => Promise.reject(new Error('busy')));
      return Promise.reject(reason);
    });
    const thrown: unknown = await work.catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(AggregateError);
    expect([reasonOf(thrown), reasonOf(reason)]).toEqual([reason, reason]);
  });
});
