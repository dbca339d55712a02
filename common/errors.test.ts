import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { errorCatalog, errorCodes, docsAnchor } from './error-catalog.ts';
import { renderErrorDocs } from './error-docs.ts';
import { asLockkeeperError, formatError, LockkeeperError, messageOf } from './errors.ts';

describe('error catalogue', () => {
  it.each(errorCodes)('%s is whole', (code) => {
    const { title, meaning, remedy } = errorCatalog[code];
    expect(code).toMatch(/^LK1[0-8]\d\d$/);
    expect(title).toMatch(/^\S.*[^.\s]$/);
    expect(meaning).toMatch(/^(spec\.|[A-Z]).*\.$/s);
    expect(remedy.length).toBeGreaterThan(25);
    expect(remedy).toMatch(/\.$/);
  });

  it('is in order and has titles that tell the codes apart', () => {
    expect([...errorCodes].sort()).toEqual(errorCodes);
    expect(new Set(errorCodes.map((code) => errorCatalog[code].title)).size).toBe(errorCodes.length);
  });

  it('is what docs/errors.md says (node docs/generate.ts writes it)', () => {
    const page = readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8');
    expect(page).toBe(renderErrorDocs());
    for (const code of errorCodes) expect(page).toContain(`<a id="${docsAnchor(code).split('#')[1] ?? ''}"></a>`);
  });
});

describe('LockkeeperError', () => {
  it('takes message, remedy and retryable from the catalogue', () => {
    const error = new LockkeeperError('LK1102');
    expect(error).toMatchObject({
      name: 'LockkeeperError',
      code: 'LK1102',
      message: 'source unreachable',
      retryable: true,
      severity: 'error',
    });
    expect(error.remedy).toBe(errorCatalog.LK1102.remedy);
    expect('found' in error).toBe(false);
    expect('details' in error).toBe(false);
    expect('cause' in error).toBe(false);
  });

  it('prefers what the thrower knows', () => {
    const cause = new Error('ECONNREFUSED');
    const error = new LockkeeperError('LK1309', 'shop.log has no key', {
      found: 'no key',
      remedy: 'Add one.',
      details: { table: 'shop.log' },
      retryable: true,
      cause,
    });
    expect(error).toMatchObject({
      message: 'shop.log has no key',
      found: 'no key',
      remedy: 'Add one.',
      retryable: true,
      severity: 'warning',
      cause,
    });
    expect(formatError(error)).toBe(
      'LK1309 shop.log has no key\n  found:  no key\n  remedy: Add one.\n  see:    docs/errors.md#lk1309',
    );
  });

  it('becomes JSON without the fields of its cause', () => {
    const cause = Object.assign(new Error('denied'), { options: { password: 'hunter2' } });
    const json = JSON.stringify(new LockkeeperError('LK1101', 'no', { cause }));
    expect(JSON.parse(json)).toMatchObject({
      code: 'LK1101',
      message: 'no',
      cause: 'denied',
      docs: 'docs/errors.md#lk1101',
      retryable: false,
    });
    expect(json).not.toContain('hunter2');
  });

  it('wraps what has no code and leaves alone what has one', () => {
    const own = new LockkeeperError('LK1203');
    expect(asLockkeeperError(own, 'LK1102')).toBe(own);
    const cause = new Error('boom');
    expect(asLockkeeperError(cause, 'LK1102')).toMatchObject({ code: 'LK1102', message: 'source unreachable: boom', cause });
    expect(asLockkeeperError('text', 'LK1102').message).toBe('source unreachable: text');
  });

  it('finds a message in any thrown value', () => {
    expect(messageOf(new AggregateError([new Error('a'), new Error('b')], ''))).toBe('a; b');
    expect(messageOf(undefined)).toBe('undefined');
  });
});
