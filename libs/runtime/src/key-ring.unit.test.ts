import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { readKeyRing } from './key-ring.ts';
import { secret } from './secret.ts';

const OLD = `old:${randomBytes(32).toString('base64')}`;
const NEW = `new:${randomBytes(32).toString('base64')}`;
const PLACE = ['ghl', 'LocationA', 'refresh'];
const VALUE = secret('refresh.canary-4711');

const unreadable = (message: RegExp): object => ({
  code: 'token_unreadable',
  kind: 'config',
  message: expect.stringMatching(message),
});

/** What a call throws. */
function thrown(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}

describe('a key ring', () => {
  it('opens what it sealed, and seals the same text differently each time', () => {
    const ring = readKeyRing(OLD);
    const [first, second] = [ring.seal(VALUE, PLACE), ring.seal(VALUE, PLACE)];
    expect(ring.open(first, PLACE).reveal()).toBe(VALUE.reveal());
    expect(first.box.equals(second.box)).toBe(false);
    expect(first.box.toString('latin1')).not.toContain('canary');
  });

  it('seals with its first key and opens with every one, so that a key can be rotated', () => {
    const before = readKeyRing(OLD).seal(VALUE, PLACE);
    const rotated = readKeyRing(`${NEW}, ${OLD}`);
    expect(rotated.open(before, PLACE).reveal()).toBe(VALUE.reveal());
    expect(rotated.seal(VALUE, PLACE).keyId).toBe('new');
    const dropped = thrown(() => readKeyRing(NEW).open(before, PLACE));
    expect(dropped).toMatchObject(unreadable(/lacks the key old/));
  });

  it('refuses another key under the same id', () => {
    const impostor = readKeyRing(`old:${randomBytes(32).toString('base64')}`);
    const sealed = readKeyRing(OLD).seal(VALUE, PLACE);
    expect(thrown(() => impostor.open(sealed, PLACE))).toMatchObject(unreadable(/key is another one/));
  });

  it.each([
    ['another location', ['ghl', 'LocationB', 'refresh']],
    ['another provider', ['other', 'LocationA', 'refresh']],
    ['another column', ['ghl', 'LocationA', 'access']],
    ['parts cut elsewhere', ['ghl', 'LocationA"', 'refresh']],
  ])('refuses a box that was moved to %s', (_what, place) => {
    const ring = readKeyRing(OLD);
    const sealed = ring.seal(VALUE, PLACE);
    expect(thrown(() => ring.open(sealed, place))).toMatchObject(unreadable(/changed or moved/));
  });

  it('refuses a box with any byte changed, cut or missing, and a key id that was exchanged', () => {
    const key = randomBytes(32).toString('base64');
    const ring = readKeyRing(`a:${key},b:${key}`);
    const { keyId, box } = ring.seal(VALUE, PLACE);
    for (let at = 0; at < box.length; at += 1) {
      const changed = Buffer.from(box);
      changed[at]! ^= 1;
      expect(thrown(() => ring.open({ keyId, box: changed }, PLACE))).toMatchObject(unreadable(/changed/));
    }
    for (const length of [0, 5, 12, 27, box.length - 1])
      expect(thrown(() => ring.open({ keyId, box: box.subarray(0, length) }, PLACE))).toMatchObject(unreadable(/./));
    expect(thrown(() => ring.open({ keyId: 'b', box }, PLACE))).toMatchObject(unreadable(/changed/));
  });

  it('signs for one purpose only, and every key of the ring can vouch', () => {
    const ring = readKeyRing(`${NEW},${OLD}`);
    const mine = readKeyRing(OLD).sign('state', 'text');
    expect(ring.signatures('state', 'text').some((one) => one.equals(mine))).toBe(true);
    expect(ring.signatures('other', 'text').some((one) => one.equals(mine))).toBe(false);
    expect(ring.signatures('state', 'text.').some((one) => one.equals(mine))).toBe(false);
  });

  it.each([
    ['nothing', ''],
    ['no id', randomBytes(32).toString('base64')],
    ['a short key', `a:${randomBytes(16).toString('base64')}`],
    ['a long key', `a:${randomBytes(33).toString('base64')}`],
    ['no base64', `a:${'!'.repeat(44)}`],
    ['a faulty second item', `${OLD},b:short`],
    ['one id twice', `${OLD},${OLD}`],
  ])('is not read from %s, and the message shows no key', (_what, text) => {
    const error = thrown(() => readKeyRing(text)) as Error;
    expect(error.message).toMatch(/^item [12] (must be id:key|repeats)/);
    for (const part of text.split(/[,:]/).filter((one) => one.length > 8)) expect(error.message).not.toContain(part);
  });
});
