import { expect, it } from '@jest/globals';
import { eventId, uuidV5 } from './event-id.ts';

it('a UUID of version 5 is the one that other implementations make', () => {
  const dns = Buffer.from('6ba7b8109dad11d180b400c04fd430c8', 'hex');
  expect(uuidV5('www.example.com', dns)).toBe('2ed6657d-e927-568b-95e1-2665a8aea6a2');
});

it('the id of an event follows from its cause, its type and its version', () => {
  expect(eventId('cause', 'type', '1')).toBe(eventId('cause', 'type', '1'));
  const others = [eventId('cause', 'type', '2'), eventId('cause', 'other', '1'), eventId('else', 'type', '1')];
  expect(new Set([eventId('cause', 'type', '1'), ...others]).size).toBe(4);
});
