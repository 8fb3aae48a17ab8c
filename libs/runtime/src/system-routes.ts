import { z } from 'zod';
import type { Readiness } from './host.ts';
import { renderMetrics } from './metrics.ts';
import { openApiDocument } from './openapi.ts';
import { route, type Route } from './route.ts';

const READINESS = z.strictObject({
  status: z.enum(['ready', 'not ready']),
  parts: z.array(z.strictObject({ part: z.string(), ready: z.boolean(), reason: z.string().optional() })),
});

/** Health, metrics and the description of the API: what every process answers besides its own routes. */
export function systemRoutes(options: {
  metricsPublic: boolean;
  readiness(): Promise<Readiness[]>;
  /** The product's own routes, for the description. */
  routes: readonly Route[];
}): { health: Route[]; others: Route[] } {
  const health = [
    route({
      method: 'get',
      path: '/healthz',
      summary: 'Whether the process lives.',
      scope: 'open',
      response: z.strictObject({ status: z.literal('ok') }),
      handle: async () => ({ status: 'ok' }),
    }),
    route({
      method: 'get',
      path: '/readyz',
      summary: 'Whether every part can do its work, and why not.',
      scope: 'open',
      response: READINESS,
      statuses: [200, 503],
      async handle({ response }) {
        const parts = await options.readiness();
        const ready = parts.every((part) => part.ready);
        response.status(ready ? 200 : 503);
        return { status: ready ? 'ready' : 'not ready', parts };
      },
    }),
  ];
  const metrics = route({
    method: 'get',
    path: '/metrics',
    summary: 'Metrics in the Prometheus text format; without a key only where METRICS_PUBLIC says so.',
    scope: options.metricsPublic ? 'open' : 'read',
    response: z.string(),
    contentType: 'text/plain',
    async handle({ response }) {
      const { contentType, body } = await renderMetrics(Date.now());
      response.set('content-type', contentType).send(body);
      return body;
    },
  });
  const description = route({
    method: 'get',
    path: '/openapi.json',
    summary: 'This document.',
    scope: 'open',
    response: z.looseObject({ openapi: z.string(), paths: z.looseObject({}) }),
    handle: async () => document,
  });
  const others = [metrics, description];
  const document = openApiDocument([...health, ...others, ...options.routes]);
  return { health, others };
}
