import { describe, expect, it } from '@jest/globals';
import type { HistoryItem } from '#libs/storage/src/history.ts';
import { renderLetters } from './dead-letters.ts';
import { renderHistory } from './history.ts';
import { renderReplay } from './replay.ts';
import { renderStatus } from './status.ts';
import { forTerminal, inLine } from './terminal.ts';

const FORGED = 'Ann\n2026-11-24T08:00:00.000Z  crm.lifecycle.v1.VendorRestored';

describe('a text from outside', () => {
  it.each([
    ['a title', '\u001b]0;owned\u0007', '\\u001b]0;owned\\u0007'],
    ['a control of 8 bits', '\u009b2J', '\\u009b2J'],
    ['a carriage return and a delete', 'a\rb\u007f', 'a\\u000db\\u007f'],
    ['a mark of direction', 'a\u202egnp.exe', 'a\\u202egnp.exe'],
    ['another line end', 'a\u2028b', 'a\\u2028b'],
    ['letters of all kinds', 'Zoë שָׁלוֹם 李 👍🏽', 'Zoë שָׁלוֹם 李 👍🏽'],
    ['lines and tabs', 'a\n\tb', 'a\n\tb'],
  ])('with %s does nothing to a terminal', (_what, text, expected) => {
    expect(forTerminal(text)).toBe(expected);
    const json = forTerminal(JSON.stringify({ text }));
    expect(json).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e\u2028]/);
    expect(JSON.parse(json)).toEqual({ text });
  });

  it('does not end the line it is in', () => {
    expect(inLine('a\n\tb\u001b')).toBe('a\\u000a\\u0009b\\u001b');
  });

  it('forges no line of a history, a replay, dead letters or the last syncs', () => {
    const item = { at: '2026-11-24T07:00:00.000Z', type: 'x', cause: 'observation', scanId: null };
    const changes = { name: { before: null, after: FORGED }, city: { before: 'a; name: "b" -> "c"', after: null } };
    const history = renderHistory({ items: [{ ...item, changes } as unknown as HistoryItem], next: null });
    expect(history).toContain('name = "Ann\\n2026');
    expect(history).toContain('city: "a; name: \\"b\\" -> \\"c\\"" -> empty');
    const examples = [{ id: '1', in: 'both', columns: { source: { live: FORGED, rebuilt: null } } }];
    const table = { live: 1, rebuilt: 1, onlyLive: 0, onlyRebuilt: 0, different: 1, columns: {}, examples };
    const replay = renderReplay({ tables: { vendors: table }, from: null } as unknown as Parameters<
      typeof renderReplay
    >[0]);
    const letter = { id: 'a:0:1', at: 0, state: 'waiting', code: 'x', message: FORGED };
    const letters = renderLetters({ items: [letter], total: 1 } as unknown as Parameters<typeof renderLetters>[0]);
    const syncs = [{ syncId: '1', source: 'ghl', account: 'a', status: 'failed', message: FORGED, startedAt: null }];
    const status = renderStatus({ stack: 'embedded', pipeline: 'running', apiUrl: null, rows: [], syncs });
    for (const text of [history, replay, letters, status]) {
      expect(text).toContain('Ann');
      expect(text).not.toContain('\n2026-11-24T08');
    }
  });
});
