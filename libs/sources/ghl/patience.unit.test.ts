import { expect, it } from '@jest/globals';
import { fakeClock } from '../kit/memory.fixture.ts';
import { createPatience, type SharedPatience } from './patience.ts';

type Step = keyof Omit<SharedPatience, 'leftMs'> | number;

it.each<[string, Step[], number]>([
  ['is whole at first, however long ago that was', [500], 100],
  ['shrinks while nothing is answered', ['unheard', 30, 'unheard', 30], 40],
  ['is used up, and stays so', ['unheard', 60, 'unheard', 60, 'unheard', 60], 0],
  ['is whole again after an answer', ['unheard', 150, 'heard', 30], 100],
  ['shrinks anew after that', ['unheard', 150, 'heard', 30, 'unheard', 10], 90],
])('patience %s', (_what, steps, left) => {
  const clock = fakeClock();
  const patience = createPatience(100, clock);
  for (const step of steps) {
    if (typeof step === 'number') clock.advance(step);
    else patience[step]();
  }
  expect(patience.leftMs()).toBe(left);
});
